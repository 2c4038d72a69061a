// How a token is drawn from logits, by the rule of `tfmusic/sampling/samplers.py`.

#ifndef TFMUSIC_SAMPLER_H_
#define TFMUSIC_SAMPLER_H_

#include <vector>

namespace tfmusic {

constexpr float kMasked = -1e30f;  // a logit that is never drawn

// The defaults change nothing.
struct Sampler {
  double temperature = 1;
  int top_k = 0;
  double top_p = 1;
  double min_p = 0;
  double repetition_penalty = 1;

  // Throws `Error` where a setting is outside its range.
  void Check() const;
};

// Draws a token, in float32.
//
// Args:
//   logits: [V]; throws `Error` where one is not a number.
//   uniform: in [0, 1).
//   sampler: its settings, but for the repetition penalty.
int Sample(const std::vector<float>& logits, float uniform, const Sampler& sampler);

// Divides positive logits of seen ids by the penalty, multiplies negative ones.
void PenalizeRepetition(const std::vector<bool>& seen, float penalty,
                        std::vector<float>* logits);

}  // namespace tfmusic

#endif  // TFMUSIC_SAMPLER_H_
