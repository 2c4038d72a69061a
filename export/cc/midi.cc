#include "midi.h"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "error.h"

namespace tfmusic {
namespace {

namespace fs = std::filesystem;

constexpr int kTicksPerSecond = 440;
constexpr uint32_t kMicrosecondsPerQuarter = 500000;
const std::string kEnd("\x00\xFF\x2F\x00", 4);

std::string BigEndian(uint32_t value, int size) {
  std::string bytes;
  while (size-- > 0) bytes += static_cast<char>(value >> (8 * size));
  return bytes;
}

std::string Chunk(const char* kind, const std::string& content) {
  return kind + BigEndian(static_cast<uint32_t>(content.size()), 4) + content;
}

// Seven bits a byte, the highest first; all but the last have bit 7 set.
std::string VariableLength(uint32_t value) {
  std::string digits(1, static_cast<char>(value & 0x7F));
  while (value >>= 7) digits += static_cast<char>(0x80 | (value & 0x7F));
  return {digits.rbegin(), digits.rend()};
}

std::string Track(const std::vector<Note>& notes, int number) {
  int channel = number % 15;
  channel += channel >= 9;  // the tenth is for drums
  std::vector<std::array<int, 5>> events;  // tick, order, kind, pitch, velocity
  for (const Note& note : notes) {
    int start = static_cast<int>(std::nearbyint(note.start * kTicksPerSecond));
    int end = static_cast<int>(std::nearbyint(note.end * kTicksPerSecond));
    events.push_back({start, 1, 0x90, note.pitch, note.velocity});
    // An end goes before a note that begins then.
    events.push_back({std::max(end, start + 1), 0, 0x80, note.pitch, 0});
  }
  std::sort(events.begin(), events.end());
  auto byte = [](int value) { return static_cast<char>(value); };
  std::string content = {0, byte(0xC0 | channel), byte(notes[0].program)};
  int now = 0;
  for (const auto& [tick, order, kind, pitch, velocity] : events) {
    content += VariableLength(tick - now);
    content += {byte(kind | channel), byte(pitch), byte(velocity)};
    now = tick;
  }
  return content + kEnd;
}

// A folder beside the file, gone with this object.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::string pattern) : path_(std::move(pattern)) {
    if (mkdtemp(path_.data()) == nullptr) throw Error(std::strerror(errno));
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  fs::path path() const { return path_; }

 private:
  std::string path_;
};

void WriteFile(const std::string& content, const fs::path& path) {
  try {
    const fs::path folder = fs::absolute(path).parent_path();
    fs::create_directories(folder);
    ScratchFolder scratch(folder / ("." + path.filename().string() + ".XXXXXX"));
    const fs::path temporary = scratch.path() / "file";
    std::ofstream file(temporary, std::ios::binary);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    file.close();
    if (!file) throw Error(std::strerror(errno));
    fs::rename(temporary, path);
  } catch (const fs::filesystem_error& error) {
    throw Error(error.code().message());
  }
}

}  // namespace

void WriteMidi(const std::vector<Note>& notes, const std::string& path) {
  std::map<int, std::vector<Note>> tracks;
  for (const Note& note : notes) tracks[note.track].push_back(note);
  const uint32_t division = kTicksPerSecond / 2;  // ticks a quarter
  const uint32_t num_tracks = static_cast<uint32_t>(tracks.size()) + 1;
  std::string content = Chunk(
      "MThd", BigEndian(1, 2) + BigEndian(num_tracks, 2) + BigEndian(division, 2));
  const std::string tempo("\x00\xFF\x51\x03", 4);
  content += Chunk("MTrk", tempo + BigEndian(kMicrosecondsPerQuarter, 3) + kEnd);
  int number = 0;
  for (const auto& [track, of_track] : tracks) {
    content += Chunk("MTrk", Track(of_track, number++));
  }
  WriteFile(content, path);
}

}  // namespace tfmusic
