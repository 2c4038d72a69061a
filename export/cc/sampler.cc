#include "sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "error.h"

namespace tfmusic {
namespace {

void Require(bool fits, const char* name, const char* range, double value) {
  if (fits) return;
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  throw Error(std::string(name) + " must be " + range + ", not " + text);
}

}  // namespace

void Sampler::Check() const {
  Require(temperature >= 0 && std::isfinite(temperature), "temperature", "0 or more",
          temperature);
  Require(top_k >= 0, "top_k", "0 or more", top_k);
  Require(top_p > 0 && top_p <= 1, "top_p", "in (0, 1]", top_p);
  Require(min_p >= 0 && min_p <= 1, "min_p", "in [0, 1]", min_p);
  Require(repetition_penalty > 0 && std::isfinite(repetition_penalty),
          "repetition_penalty", "above 0", repetition_penalty);
}

int Sample(const std::vector<float>& logits, float uniform, const Sampler& sampler) {
  for (float logit : logits) {
    if (std::isnan(logit)) throw Error("the graph's answer is not a number");
  }
  const float temperature = static_cast<float>(sampler.temperature);
  if (temperature == 0) {
    return static_cast<int>(std::max_element(logits.begin(), logits.end()) -
                            logits.begin());
  }
  std::vector<int> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(),
                   [&](int a, int b) { return logits[a] > logits[b]; });
  std::vector<float> masses;
  for (int id : ids) {
    masses.push_back(std::exp((logits[id] - logits[ids[0]]) / temperature));
  }
  // The sum as numpy's, within a rounding; the cumulative sum in its order.
  const float sum =
      static_cast<float>(std::accumulate(masses.begin(), masses.end(), 0.0));
  std::vector<float> cumulative;
  std::vector<int> kept;
  float passed = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const float probability = masses[i] / sum;
    passed += probability;
    bool keep = probability > 0;
    if (sampler.top_k > 0) keep &= i < static_cast<size_t>(sampler.top_k);
    if (sampler.top_p < 1) {
      keep &= passed - probability < static_cast<float>(sampler.top_p);
    }
    keep &= probability >= static_cast<float>(sampler.min_p) * (masses[0] / sum);
    if (keep) {
      cumulative.push_back(passed);
      kept.push_back(ids[i]);
    }
  }
  auto drawn = std::upper_bound(cumulative.begin(), cumulative.end(),
                                uniform * cumulative.back());
  size_t index = drawn - cumulative.begin();
  return kept[std::min(index, kept.size() - 1)];
}

void PenalizeRepetition(const std::vector<bool>& seen, float penalty,
                        std::vector<float>* logits) {
  if (penalty == 1) return;
  for (size_t id = 0; id < logits->size(); ++id) {
    float& logit = (*logits)[id];
    if (seen[id]) logit = logit > 0 ? logit / penalty : logit * penalty;
  }
}

}  // namespace tfmusic
