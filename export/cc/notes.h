// What ids sound like.

#ifndef TFMUSIC_NOTES_H_
#define TFMUSIC_NOTES_H_

#include <string>
#include <vector>

#include "json.h"

namespace tfmusic {

// Times in seconds, MIDI's numbers, and the track the note belongs to.
struct Note {
  double start;
  double end;
  int pitch;
  int velocity = 80;
  int program = 0;
  int track = 0;
};

struct DecodedNotes {
  std::vector<Note> notes;
  int num_invalid;  // ids that were skipped
};

// An id's meaning: its range in the vocabulary and its value there.
struct Event {
  std::string name;
  int value;
};

// Throws `Error` where this program has no decoder for the tokenizer.
void CheckDecoder(const Json& tokenizer);

// The notes of ids; see `tfmusic.tokenizers`. No ids are an error.
DecodedNotes Decode(const std::vector<int>& ids, const Json& tokenizer);

// Of the events of a performance, beside `num_invalid` ids that are none.
DecodedNotes DecodePerformance(const std::vector<Event>& events, int num_invalid,
                               const Json& options);

}  // namespace tfmusic

#endif  // TFMUSIC_NOTES_H_
