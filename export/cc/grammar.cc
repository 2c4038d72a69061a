#include "grammar.h"

#include "error.h"

namespace tfmusic {
namespace {

// Whatever the tables hold is an index later on.
void CheckRange(const std::vector<int>& values, int min, size_t size) {
  for (int value : values) {
    if (value < min || value >= static_cast<int>(size)) {
      throw Error("its grammar points outside its tables");
    }
  }
}

}  // namespace

Grammar::Grammar(const Json& tables, const std::vector<std::string>& feature_names) {
  classes_ = tables["classes"].Integers();
  num_tokens_ = static_cast<int>(classes_.size());
  const std::vector<Json>& rows = tables["next_state"].Items();
  if (rows.empty() || num_tokens_ < kNumSpecial) throw Error("its grammar is empty");
  num_classes_ = static_cast<int>(rows[0].Items().size());
  for (const Json& row : rows) {
    std::vector<int> targets = row.Integers();
    if (targets.size() != static_cast<size_t>(num_classes_)) {
      throw Error("its grammar's rows differ in length");
    }
    targets_.insert(targets_.end(), targets.begin(), targets.end());
  }
  CheckRange(classes_, 0, num_classes_);
  CheckRange(targets_, -1, rows.size());

  for (const std::string& name : feature_names) {
    bool is_by_state = tables["state_features"].Has(name);
    const Json& kind = tables[is_by_state ? "state_features" : "token_features"];
    Table table = {is_by_state, kind[name].Integers()};
    if (table.values.size() != (is_by_state ? rows.size() : classes_.size())) {
      throw Error("its grammar's feature " + name + " has another size");
    }
    features_.push_back(std::move(table));
  }
}

}  // namespace tfmusic
