// The zip archive that follows the graph in a .tflite file.

#ifndef TFMUSIC_ARCHIVE_H_
#define TFMUSIC_ARCHIVE_H_

#include <cstdint>
#include <fstream>
#include <map>
#include <string>

namespace tfmusic {

class Archive {
 public:
  // Reads the list of a file's entries. Throws `Error` where it can't be read, or where
  // no archive is at its end.
  explicit Archive(const std::string& path);

  // An entry's content. Throws `Error` where there is none of that name.
  std::string Read(const std::string& name);

 private:
  struct Entry {
    uint16_t method;
    uint32_t checksum;
    uint32_t packed_size;
    uint32_t size;
    uint64_t begin;  // of the entry's own header, in the file
  };

  std::string Bytes(uint64_t begin, uint64_t size);

  std::ifstream file_;
  uint64_t file_size_ = 0;
  std::map<std::string, Entry> entries_;
};

}  // namespace tfmusic

#endif  // TFMUSIC_ARCHIVE_H_
