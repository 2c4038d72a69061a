// Makes music from a .tflite file and writes it as MIDI.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "error.h"
#include "midi.h"
#include "music_model.h"
#include "notes.h"

namespace tfmusic {
namespace {

struct Options {
  std::string model;
  std::string output;
  int num_tokens = 512;
  uint64_t seed = 0;
  int num_threads = 0;
  std::vector<int> prime;
  bool print_tokens = false;
  Sampler sampler;
};

double ParseNumber(const std::string& text) {
  char* end;
  double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end) throw Error("'" + text + "' is not a number");
  return number;
}

uint64_t ParseCount(const std::string& text, uint64_t most) {
  errno = 0;
  char* end;
  uint64_t number = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) {
    throw Error("'" + text + "' is not an integer of 0 or more");
  }
  if (errno == ERANGE || number > most) throw Error(text + " is too large");
  return number;
}

int ParseInteger(const std::string& text) {
  return static_cast<int>(ParseCount(text, std::numeric_limits<int>::max()));
}

std::vector<int> ParseIntegers(const std::string& text) {
  std::vector<int> integers;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    integers.push_back(ParseInteger(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return integers;
}

struct Flag {
  const char* name;
  const char* help;
  std::function<void(Options&, const std::string&)> set;
};

const std::vector<Flag>& Flags() {
  using Text = const std::string&;
  static const std::vector<Flag> flags = {
      {"output", "the .mid file to write", [](Options& o, Text t) { o.output = t; }},
      {"tokens", "most new tokens [512]",
       [](Options& o, Text t) { o.num_tokens = ParseInteger(t); }},
      {"seed", "another seed, other music [0]",
       [](Options& o, Text t) {
         o.seed = ParseCount(t, std::numeric_limits<uint64_t>::max());
       }},
      {"temperature", "below 1 plays safe, 0 takes the likeliest [1]",
       [](Options& o, Text t) { o.sampler.temperature = ParseNumber(t); }},
      {"top_k", "keep so many of the likeliest tokens; 0 keeps all [0]",
       [](Options& o, Text t) { o.sampler.top_k = ParseInteger(t); }},
      {"top_p", "keep the likeliest tokens of this mass [1]",
       [](Options& o, Text t) { o.sampler.top_p = ParseNumber(t); }},
      {"min_p", "keep tokens of at least this part of the likeliest's [0]",
       [](Options& o, Text t) { o.sampler.min_p = ParseNumber(t); }},
      {"repetition_penalty", "above 1 avoids what the piece already has [1]",
       [](Options& o, Text t) { o.sampler.repetition_penalty = ParseNumber(t); }},
      {"prime_tokens", "ids to continue, with commas between",
       [](Options& o, Text t) { o.prime = ParseIntegers(t); }},
      {"threads", "0 leaves it to the library [0]",
       [](Options& o, Text t) { o.num_threads = ParseInteger(t); }},
  };
  return flags;
}

void PrintHelp() {
  std::printf(
      "usage: tfmusic MODEL.tflite --output=FILE.mid [--NAME=VALUE ...]\n\n"
      "Makes music from a .tflite file of tfmusic.export and writes it as MIDI.\n\n");
  for (const Flag& flag : Flags()) std::printf("  --%-20s%s\n", flag.name, flag.help);
  std::printf("  --%-20s%s\n", "print_tokens", "print the ids, too");
}

// Throws `Error` where the arguments are not those of `PrintHelp`.
Options Parse(const std::vector<std::string>& arguments) {
  Options options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--print_tokens") {
      options.print_tokens = true;
      continue;
    }
    if (argument.compare(0, 2, "--") != 0) {
      if (!options.model.empty()) throw Error("one model at a time: " + argument);
      options.model = argument;
      continue;
    }
    const size_t equals = std::min(argument.find('='), argument.size());
    const std::string name = argument.substr(2, equals - 2);
    const Flag* found = nullptr;
    for (const Flag& flag : Flags()) {
      if (name == flag.name) found = &flag;
    }
    if (found == nullptr) throw Error("no flag --" + name + ": see --help");
    if (equals == argument.size() &&
        (i + 1 == arguments.size() || arguments[i + 1].compare(0, 2, "--") == 0)) {
      throw Error("--" + name + " needs a value");
    }
    const std::string value =
        equals < argument.size() ? argument.substr(equals + 1) : arguments[++i];
    try {
      found->set(options, value);
    } catch (const Error& error) {
      throw Error("--" + name + ": " + error.what());
    }
  }
  if (options.model.empty()) throw Error("name a .tflite file: see --help");
  if (options.output.empty()) throw Error("name a file to write: --output=FILE.mid");
  options.sampler.Check();
  return options;
}

void MakeMusic(const Options& options) {
  DecodedNotes decoded;
  size_t num_ids;
  double seconds;
  try {
    MusicModel model(options.model, options.num_threads);
    CheckDecoder(model.tokenizer());  // before minutes of work
    auto begin = std::chrono::steady_clock::now();
    std::vector<int> ids = model.Generate(options.prime, options.num_tokens,
                                          options.seed, options.sampler);
    std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    seconds = passed.count();
    num_ids = ids.size();
    if (options.print_tokens) {
      for (size_t i = 0; i < ids.size(); ++i) {
        std::printf(i ? " %d" : "%d", ids[i]);
      }
      std::printf("\n");
    }
    decoded = Decode(ids, model.tokenizer());
  } catch (const Error& error) {
    throw Error(options.model + ": " + error.what());
  }
  try {
    WriteMidi(decoded.notes, options.output);
  } catch (const Error& error) {
    throw Error(options.output + ": " + error.what());
  }
  const double num_new = static_cast<double>(num_ids - options.prime.size());
  std::printf("%s: %zu notes from %zu tokens (%d invalid), %.0f tokens/s\n",
              options.output.c_str(), decoded.notes.size(), num_ids,
              decoded.num_invalid, num_new / seconds);
}

int Main(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument != "--help") continue;
    PrintHelp();
    return 0;
  }
  try {
    MakeMusic(Parse(arguments));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tfmusic: %s\n", error.what());
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace tfmusic

int main(int argc, char** argv) { return tfmusic::Main({argv + 1, argv + argc}); }
