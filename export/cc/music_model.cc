#include "music_model.h"

#include <map>
#include <utility>

#include "archive.h"
#include "error.h"
#include "random.h"

namespace tfmusic {
namespace {

std::map<std::string, std::string> CacheKinds(const Json& cache) {
  std::map<std::string, std::string> kinds;
  for (const std::string& name : cache.Names()) kinds[name] = cache[name].String();
  return kinds;
}

}  // namespace

struct MusicModel::Metadata {
  explicit Metadata(const std::string& path) {
    Archive archive(path);
    about = Json::Parse(archive.Read("tfmusic.json"));
    tokenizer = Json::Parse(archive.Read("tokenizer.json"));
    if (about.Has("kind") && about["kind"].String() != "decoder") {
      throw Error("a model of the kind " + about["kind"].String() +
                  ", this program plays decoders");
    }
    if (about["quantization"].String() == "mixed_int4" && !HasInt4Blocks()) {
      throw Error("mixed_int4 needs TensorFlow Lite 2.20 or later");
    }
  }

  Json about, tokenizer;
};

MusicModel::MusicModel(const std::string& path, int num_threads)
    : MusicModel(Metadata(path), path, num_threads) {}

MusicModel::MusicModel(Metadata metadata, const std::string& path, int num_threads)
    : tokenizer_(std::move(metadata.tokenizer)),
      feature_names_(metadata.about["features"].Strings()),
      grammar_(tokenizer_["grammar"], feature_names_),
      interpreter_(path, num_threads),
      graph_(interpreter_, metadata.about["chunk"].Integer(),
             metadata.about["max_length"].Integer(),
             CacheKinds(metadata.about["cache"])) {}

std::vector<int> MusicModel::Generate(const std::vector<int>& prime, int num_tokens,
                                      uint64_t seed, const Sampler& sampler) {
  std::vector<int> tokens = {kBos};
  std::vector<int> states = {0};
  std::vector<bool> seen(grammar_.num_tokens());
  auto append = [&](int token) {
    states.push_back(grammar_.Next(states.back(), token));
    tokens.push_back(token);
    seen[token] = true;
  };
  for (int token : prime) {
    if (token < kNumSpecial || token >= grammar_.num_tokens()) {
      throw Error("the prime has the id " + std::to_string(token) + ": ids are " +
                  std::to_string(kNumSpecial) + " to " +
                  std::to_string(grammar_.num_tokens() - 1));
    }
    append(token);
  }
  Philox philox(seed);
  size_t start = 0, consumed = 0;  // tokens dropped, and seen by the graph
  const size_t max_length = graph_.max_length(), chunk = graph_.chunk();
  graph_.Reset();
  for (int i = 0; i < num_tokens; ++i) {
    while (tokens.size() - start > max_length) {
      start += max_length - max_length / 2;
      consumed = start;
      graph_.Reset();
    }
    std::vector<float> logits;
    while (consumed < tokens.size()) {
      size_t count = consumed + chunk < tokens.size() ? chunk : 1;
      std::map<std::string, std::vector<int>> inputs;
      for (size_t t = consumed; t < consumed + count; ++t) {
        inputs["tokens"].push_back(tokens[t]);
        for (size_t f = 0; f < feature_names_.size(); ++f) {
          inputs[feature_names_[f]].push_back(
              grammar_.Feature(f, states[t], tokens[t]));
        }
      }
      logits = graph_.Extend(inputs);
      consumed += count;
    }
    if (logits.size() != seen.size()) {
      throw Error("its graph and its tokenizer differ in their ids");
    }
    PenalizeRepetition(seen, static_cast<float>(sampler.repetition_penalty), &logits);
    for (int id = 0; id < grammar_.num_tokens(); ++id) {
      if (!grammar_.Allows(states.back(), id)) logits[id] = kMasked;
    }
    int token = Sample(logits, philox.Uniform(), sampler);
    if (token == kEos) break;
    append(token);
  }
  return {tokens.begin() + 1, tokens.end()};
}

}  // namespace tfmusic
