// Writes notes as a standard MIDI file.

#ifndef TFMUSIC_MIDI_H_
#define TFMUSIC_MIDI_H_

#include <string>
#include <vector>

#include "notes.h"

namespace tfmusic {

// One track for each of the notes'. Time is kept to 1/440 second (220 ticks a quarter,
// 120 quarters a minute). The file takes its place at the end; its folder is made if it
// is not there. Throws `Error` where it can't be written.
void WriteMidi(const std::vector<Note>& notes, const std::string& path);

}  // namespace tfmusic

#endif  // TFMUSIC_MIDI_H_
