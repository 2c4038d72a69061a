// A model in a .tflite file, with its tokenizer's tables.

#ifndef TFMUSIC_MUSIC_MODEL_H_
#define TFMUSIC_MUSIC_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cached_graph.h"
#include "grammar.h"
#include "json.h"
#include "sampler.h"

namespace tfmusic {

class MusicModel {
 public:
  // Reads a model that `python -m tfmusic.export` wrote. Throws `Error` where the file
  // can't be read or is not such a file.
  //
  // Args:
  //   path: the .tflite file.
  //   num_threads: or 0, to leave it to the library.
  MusicModel(const std::string& path, int num_threads);

  const Json& tokenizer() const { return tokenizer_; }

  // Continues a prime until the model ends the piece, or `num_tokens`. When the cache
  // is full, its oldest half is dropped and the newest is consumed again, so music goes
  // on past any length.
  //
  // Args:
  //   prime: ids without BOS; none start from nothing.
  //   num_tokens: most new tokens.
  //   seed: the same one gives the same music.
  //   sampler: how tokens are drawn.
  //
  // Returns:
  //   The prime and its continuation, without BOS and EOS.
  std::vector<int> Generate(const std::vector<int>& prime, int num_tokens,
                            uint64_t seed, const Sampler& sampler);

 private:
  struct Metadata;
  MusicModel(Metadata metadata, const std::string& path, int num_threads);

  Json tokenizer_;
  std::vector<std::string> feature_names_;
  Grammar grammar_;
  Interpreter interpreter_;
  CachedGraph graph_;
};

}  // namespace tfmusic

#endif  // TFMUSIC_MUSIC_MODEL_H_
