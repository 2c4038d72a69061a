// Keys, loudness, time and the pedal.

#include <algorithm>
#include <deque>
#include <map>

#include "error.h"
#include "notes.h"

namespace tfmusic {
namespace {

// A note as its key was held; times in steps.
struct Held {
  double start;
  double end;
  int pitch;
  int velocity;
};

// When in its step each event is, if some have to be later than the one before.
class Order {
 public:
  double Time(double step, bool is_later) {
    count_ = step == before_ ? count_ + is_later : 0;
    before_ = step;
    return step + std::min(count_ * 1e-4, 0.4);
  }

 private:
  double before_ = -1;
  int count_ = 0;
};

// Notes under a pedal; see `apply_sustain`.
//
// Args:
//   notes: as long as their keys are held, in order.
//   moves: when the pedal goes down and up by turns.
std::vector<Held> Sustained(const std::vector<Held>& notes,
                            const std::vector<double>& moves) {
  if (moves.empty() || notes.empty()) return notes;
  double last = moves.back();
  for (const Held& note : notes) last = std::max({last, note.start, note.end});
  auto passed = [&](double time) {
    return std::upper_bound(moves.begin(), moves.end(), time) - moves.begin();
  };
  std::map<int, double> struck;  // when each pitch is next struck with the pedal down
  std::vector<Held> sustained;
  for (auto note = notes.rbegin(); note != notes.rend(); ++note) {
    double end = note->end;
    size_t index = passed(end);
    if (index % 2) end = index < moves.size() ? moves[index] : last;
    auto next = struck.find(note->pitch);
    if (next != struck.end()) end = std::min(end, next->second);
    if (note->start < end) {
      sustained.push_back({note->start, end, note->pitch, note->velocity});
    }
    if (passed(note->start) % 2) struck[note->pitch] = note->start;
  }
  std::reverse(sustained.begin(), sustained.end());
  return sustained;
}

int Positive(const Json& option) {
  if (option.Integer() <= 0) throw Error("its tokenizer's options are damaged");
  return option.Integer();
}

// The loudness in the middle of a bin.
int Velocity(int bin, int num_bins) {
  const int per_bin = (127 + num_bins - 1) / num_bins;
  return std::min(1 + (bin - 1) * per_bin + (per_bin - 1) / 2, 127);
}

}  // namespace

// See `PerformanceTokenizer.decode`. A `Note` has no pedal: where ids have one, notes
// last as long as it lets them.
DecodedNotes DecodePerformance(const std::vector<Event>& events, int num_invalid,
                               const Json& options) {
  constexpr double kNoEnd = -1;
  std::vector<Held> found;
  std::map<int, std::deque<size_t>> sounding;  // by pitch: of `found`, without an end
  std::vector<double> moves;
  Order pedal, keys;
  bool is_down = false;
  int step = 0, velocity = Note{}.velocity;
  for (const auto& [name, value] : events) {
    if (name == "TIME_SHIFT") {
      step += value;
    } else if (name == "VELOCITY") {
      velocity = Velocity(value, Positive(options["num_velocity_bins"]));
    } else if (name == "NOTE_ON") {
      sounding[value].push_back(found.size());
      found.push_back({static_cast<double>(step), kNoEnd, value, velocity});
    } else if (name == "NOTE_OFF" && !sounding[value].empty()) {
      Held& note = found[sounding[value].front()];
      sounding[value].pop_front();
      note.end = step;
      num_invalid += step == note.start;  // and its NOTE_ON, below
    } else if (name == "NOTE_OFF" || is_down == (name == "SUSTAIN_ON")) {
      ++num_invalid;
    } else {
      is_down = !is_down;
      moves.push_back(pedal.Time(step, true));
    }
  }
  // What has to stay in its order within a step begins a little later.
  std::vector<Held> held;
  int before = -1;
  for (Held note : found) {
    if (note.end == kNoEnd) note.end = step;
    if (note.start == note.end) {
      ++num_invalid;
      continue;
    }
    note.start = keys.Time(note.start, note.pitch < before);
    before = note.pitch;
    held.push_back(note);
  }
  const double rate = Positive(options["steps_per_second"]);
  DecodedNotes decoded = {{}, num_invalid};
  for (const Held& note : Sustained(held, moves)) {
    decoded.notes.push_back(
        {note.start / rate, note.end / rate, note.pitch, note.velocity});
  }
  return decoded;
}

}  // namespace tfmusic
