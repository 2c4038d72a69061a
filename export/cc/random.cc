#include "random.h"

namespace tfmusic {
namespace {

// numpy's SeedSequence: a seed's bits, spread over a key.
class SeedSequence {
 public:
  explicit SeedSequence(uint64_t seed) {
    uint32_t constant = 0x43b0d7e5;
    auto hash = [&constant](uint32_t value) {
      value ^= constant;
      constant *= 0x931e8875;
      value *= constant;
      return value ^ value >> 16;
    };
    pool_[0] = hash(static_cast<uint32_t>(seed));
    pool_[1] = hash(static_cast<uint32_t>(seed >> 32));
    pool_[2] = hash(0);
    pool_[3] = hash(0);
    for (int from = 0; from < 4; ++from) {
      for (int to = 0; to < 4; ++to) {
        if (from != to) pool_[to] = Mix(pool_[to], hash(pool_[from]));
      }
    }
  }

  std::array<uint64_t, 2> Key() const {
    uint32_t constant = 0x8b51f9dd;
    std::array<uint32_t, 4> words = pool_;
    for (uint32_t& word : words) {
      word ^= constant;
      constant *= 0x58f38ded;
      word *= constant;
      word ^= word >> 16;
    }
    return {words[0] | static_cast<uint64_t>(words[1]) << 32,
            words[2] | static_cast<uint64_t>(words[3]) << 32};
  }

 private:
  static uint32_t Mix(uint32_t x, uint32_t y) {
    uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
    return mixed ^ mixed >> 16;
  }

  std::array<uint32_t, 4> pool_;
};

// The upper half of a product; 32-bit processors have no type for the whole.
uint64_t MultiplyHigh(uint64_t x, uint64_t y) {
  uint64_t x_low = x & 0xFFFFFFFF, x_high = x >> 32;
  uint64_t y_low = y & 0xFFFFFFFF, y_high = y >> 32;
  uint64_t middle = x_high * y_low + (x_low * y_low >> 32);
  uint64_t other = x_low * y_high + (middle & 0xFFFFFFFF);
  return x_high * y_high + (middle >> 32) + (other >> 32);
}

}  // namespace

Philox::Philox(uint64_t seed) : key_(SeedSequence(seed).Key()) {}

float Philox::Uniform() {
  if (num_used_ == 8) FillBuffer();
  uint64_t number = buffer_[num_used_ / 2];
  if (num_used_ % 2) number >>= 32;
  ++num_used_;
  uint32_t bits = static_cast<uint32_t>(number) >> 8;  // as many as a float32 holds
  return static_cast<float>(bits) * (1.0f / 16777216.0f);
}

void Philox::FillBuffer() {
  for (uint64_t& word : counter_) {
    if (++word != 0) break;  // else carry
  }
  std::array<uint64_t, 2> key = key_;
  buffer_ = counter_;
  for (int round = 0; round < 10; ++round) {
    constexpr uint64_t kFirst = 0xD2E7470EE14C6C93, kSecond = 0xCA5A826395121157;
    buffer_ = {MultiplyHigh(kSecond, buffer_[2]) ^ buffer_[1] ^ key[0],
               kSecond * buffer_[2],
               MultiplyHigh(kFirst, buffer_[0]) ^ buffer_[3] ^ key[1],
               kFirst * buffer_[0]};
    key[0] += 0x9E3779B97F4A7C15;
    key[1] += 0xBB67AE8584CAA73B;
  }
  num_used_ = 0;
}

}  // namespace tfmusic
