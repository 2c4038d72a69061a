// A tokenizer's automaton: which ids may come next, and what they are.

#ifndef TFMUSIC_GRAMMAR_H_
#define TFMUSIC_GRAMMAR_H_

#include <string>
#include <vector>

#include "json.h"

namespace tfmusic {

// What every vocabulary begins with; PAD is 0.
constexpr int kEos = 1;
constexpr int kBos = 2;
constexpr int kNumSpecial = 3;

// Axis letters: S states, V ids.
class Grammar {
 public:
  // Args:
  //   tables: the tokenizer's `grammar`.
  //   feature_names: the features that the model takes.
  Grammar(const Json& tables, const std::vector<std::string>& feature_names);

  int num_tokens() const { return num_tokens_; }
  bool Allows(int state, int token) const { return Target(state, token) >= 0; }

  // The state after a token; one that may not stand there keeps the state.
  int Next(int state, int token) const {
    int target = Target(state, token);
    return target < 0 ? state : target;
  }

  // The value of the `index`th feature of a token that led to `state`.
  int Feature(size_t index, int state, int token) const {
    const Table& table = features_[index];
    return table.values[table.is_by_state ? state : token];
  }

 private:
  struct Table {
    bool is_by_state;
    std::vector<int> values;  // [S] or [V]
  };

  int Target(int state, int token) const {
    return targets_[state * num_classes_ + classes_[token]];
  }

  int num_tokens_ = 0;
  int num_classes_ = 0;       // ids of a class lead from each state to the same one
  std::vector<int> classes_;  // [V]
  std::vector<int> targets_;  // [S, classes], or -1
  std::vector<Table> features_;
};

}  // namespace tfmusic

#endif  // TFMUSIC_GRAMMAR_H_
