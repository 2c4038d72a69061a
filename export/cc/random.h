// Uniform numbers from a seed, the same ones as numpy's.

#ifndef TFMUSIC_RANDOM_H_
#define TFMUSIC_RANDOM_H_

#include <array>
#include <cstdint>

namespace tfmusic {

// `np.random.Generator(np.random.Philox(seed)).random(dtype=np.float32)`.
//
// Reference: Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3"
// (Philox4x64-10); O'Neill, 2015, "Developing a seed_seq alternative" (the key).
class Philox {
 public:
  explicit Philox(uint64_t seed);

  float Uniform();  // in [0, 1)

 private:
  void FillBuffer();

  std::array<uint64_t, 2> key_;
  std::array<uint64_t, 4> counter_ = {};
  std::array<uint64_t, 4> buffer_ = {};
  int num_used_ = 8;  // halves of the buffer's numbers, the lower half first
};

}  // namespace tfmusic

#endif  // TFMUSIC_RANDOM_H_
