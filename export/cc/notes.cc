#include "notes.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "error.h"
#include "grammar.h"

namespace tfmusic {
namespace {

constexpr int kChoir = 52;
constexpr int kMostValues = 1 << 20;  // of a range of events

// Of a time on the grid of 16ths, at 120 quarters a minute.
double Seconds(size_t step) { return static_cast<double>(step) * 0.125; }

// The events of ids and the number of invalid ids. PAD, EOS and BOS at the ends are
// left out.
std::vector<Event> Events(std::vector<int> ids, const Json& tokenizer,
                          int* num_invalid) {
  std::vector<Event> known(kNumSpecial);
  for (const Json& range : tokenizer["vocabulary"]["ranges"].Items()) {
    const int min = range["min_value"].Integer(), max = range["max_value"].Integer();
    if (min < -kMostValues || max > kMostValues) {
      throw Error("its vocabulary is larger than any");
    }
    for (int value = min; value <= max; ++value) {
      known.push_back({range["name"].String(), value});
    }
  }
  auto is_special = [](int id) { return id >= 0 && id < kNumSpecial; };
  while (!ids.empty() && is_special(ids.back())) ids.pop_back();
  auto first = std::find_if_not(ids.begin(), ids.end(), is_special);
  std::vector<Event> events;
  for (auto id = first; id != ids.end(); ++id) {
    if (*id >= kNumSpecial && *id < static_cast<int>(known.size())) {
      events.push_back(known[*id]);
    }
  }
  *num_invalid = static_cast<int>(ids.end() - first - events.size());
  return events;
}

// Four voices on the grid of 16ths; see `ChoraleTokenizer.decode`.
DecodedNotes DecodeChorale(const std::vector<Event>& events, int num_invalid) {
  constexpr size_t kVoices = 4;
  constexpr int kSilence = -1;
  DecodedNotes decoded = {{}, num_invalid};
  const size_t num_steps = (events.size() + kVoices - 1) / kVoices;
  for (size_t voice = 0; voice < kVoices; ++voice) {
    int sounding = kSilence;
    size_t begin = 0;
    for (size_t step = 0; step <= num_steps; ++step) {
      const size_t index = step * kVoices + voice;
      int pitch = kSilence;
      if (step < num_steps && index < events.size() && events[index].name != "REST") {
        pitch = events[index].value;
      }
      if (pitch == sounding && step < num_steps) continue;
      if (sounding != kSilence) {
        decoded.notes.push_back({Seconds(begin), Seconds(step), sounding,
                                 Note{}.velocity, kChoir, static_cast<int>(voice)});
      }
      sounding = pitch;
      begin = step;
    }
  }
  std::stable_sort(decoded.notes.begin(), decoded.notes.end(),
                   [](const Note& a, const Note& b) {
                     return std::tie(a.start, a.track) < std::tie(b.start, b.track);
                   });
  return decoded;
}

// Pitches that begin and go on, on the grid of 16ths; see `MelodyTokenizer`.
DecodedNotes DecodeMelody(std::vector<Event> events, int num_invalid) {
  constexpr int kSilence = -1;
  DecodedNotes decoded = {{}, num_invalid};
  int sounding = kSilence;
  size_t begin = 0, step = 0;
  events.push_back({"REST", 0});  // ends what still sounds
  for (const Event& event : events) {
    if (event.name == "HOLD" && sounding == kSilence) {
      ++decoded.num_invalid;
      continue;
    }
    if (event.name != "HOLD") {
      if (sounding != kSilence) {
        decoded.notes.push_back(
            {Seconds(begin), Seconds(step), sounding, Note{}.velocity, kChoir});
      }
      begin = step;
      sounding = event.name == "NOTE" ? event.value : kSilence;
    }
    ++step;
  }
  return decoded;
}

}  // namespace

void CheckDecoder(const Json& tokenizer) {
  const std::string& name = tokenizer["name"].String();
  constexpr std::array<const char*, 3> kNames = {"chorale", "melody", "performance"};
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
    throw Error("its tokenizer is " + name +
                "; this program decodes chorale, melody and performance, runtime.py "
                "all");
  }
}

DecodedNotes Decode(const std::vector<int>& ids, const Json& tokenizer) {
  CheckDecoder(tokenizer);
  int num_invalid;
  std::vector<Event> events = Events(ids, tokenizer, &num_invalid);
  const std::string& name = tokenizer["name"].String();
  if (name == "chorale") return DecodeChorale(events, num_invalid);
  if (name == "melody") return DecodeMelody(events, num_invalid);
  return DecodePerformance(events, num_invalid, tokenizer["options"]);
}

}  // namespace tfmusic
