#include "archive.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "error.h"

namespace tfmusic {
namespace {

constexpr char kNotOurs[] = "not a .tflite file that tfmusic.export wrote";
constexpr size_t kEndSize = 22;        // of the record at the archive's end
constexpr size_t kDirectorySize = 46;  // of an entry in the directory, without names
constexpr size_t kHeaderSize = 30;     // of an entry's own header, without names
constexpr uint64_t kMostDeflated = 1032;  // deflate makes nothing smaller than that

uint32_t Number(const std::string& bytes, size_t at, int size) {
  uint32_t number = 0;
  for (int i = size - 1; i >= 0; --i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

bool IsAt(const std::string& bytes, size_t at, const char (&signature)[5]) {
  return bytes.compare(at, 4, signature) == 0;
}

std::string Inflate(std::string packed, size_t size) {
  std::string content(size, '\0');
  z_stream stream = {};
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(content.data());
  stream.avail_out = static_cast<uInt>(size);
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error("zlib can't be used");
  int status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (status != Z_STREAM_END || stream.total_out != size) throw Error(kNotOurs);
  return content;
}

}  // namespace

Archive::Archive(const std::string& path) {
  std::error_code error;
  file_size_ = std::filesystem::file_size(path, error);
  if (error) throw Error(error.message());
  file_.open(path, std::ios::binary);
  if (!file_) throw Error(std::strerror(errno));

  // The end is followed by a comment of at most 65,535 bytes.
  uint64_t tail_size = std::min<uint64_t>(file_size_, kEndSize + 0xFFFF);
  std::string tail = Bytes(file_size_ - tail_size, tail_size);
  size_t end = tail.rfind("PK\x05\x06");
  if (end == std::string::npos || tail.size() - end < kEndSize) throw Error(kNotOurs);
  size_t count = Number(tail, end + 10, 2);
  uint64_t size = Number(tail, end + 12, 4);
  uint64_t offset = Number(tail, end + 16, 4);
  uint64_t directory_end = file_size_ - tail_size + end;
  // Places count from the archive's begin, which need not be the file's.
  if (size + offset > directory_end) throw Error(kNotOurs);
  uint64_t begin = directory_end - size - offset;

  std::string directory = Bytes(begin + offset, size);
  for (size_t at = 0; count > 0; --count) {
    if (at + kDirectorySize > size || !IsAt(directory, at, "PK\x01\x02")) {
      throw Error(kNotOurs);
    }
    size_t name_size = Number(directory, at + 28, 2);
    if (at + kDirectorySize + name_size > size) throw Error(kNotOurs);
    std::string name = directory.substr(at + kDirectorySize, name_size);
    entries_[name] = {static_cast<uint16_t>(Number(directory, at + 10, 2)),
                      Number(directory, at + 16, 4), Number(directory, at + 20, 4),
                      Number(directory, at + 24, 4),
                      begin + Number(directory, at + 42, 4)};
    at += kDirectorySize + name_size + Number(directory, at + 30, 2) +
          Number(directory, at + 32, 2);
  }
}

std::string Archive::Read(const std::string& name) {
  auto found = entries_.find(name);
  if (found == entries_.end()) throw Error(kNotOurs);
  const Entry& entry = found->second;
  std::string header = Bytes(entry.begin, kHeaderSize);
  if (!IsAt(header, 0, "PK\x03\x04")) throw Error(kNotOurs);
  uint64_t begin =
      entry.begin + kHeaderSize + Number(header, 26, 2) + Number(header, 28, 2);
  std::string content = Bytes(begin, entry.packed_size);
  if (entry.method == Z_DEFLATED) {
    if (entry.size > kMostDeflated * (entry.packed_size + 1)) throw Error(kNotOurs);
    content = Inflate(std::move(content), entry.size);
  } else if (entry.method != 0) {
    throw Error(kNotOurs);
  }
  const Bytef* bytes = reinterpret_cast<const Bytef*>(content.data());
  if (crc32(0, bytes, static_cast<uInt>(content.size())) != entry.checksum) {
    throw Error("damaged: " + name + " is not what was written");
  }
  return content;
}

std::string Archive::Bytes(uint64_t begin, uint64_t size) {
  if (begin > file_size_ || size > file_size_ - begin) throw Error(kNotOurs);
  std::string bytes(size, '\0');
  file_.seekg(static_cast<std::streamoff>(begin));
  file_.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!file_) throw Error(std::strerror(errno));
  return bytes;
}

}  // namespace tfmusic
