#include "cached_graph.h"

#include <algorithm>
#include <cstring>

#include "error.h"

namespace tfmusic {
namespace {

constexpr int kGrowth = 128;  // rows by which the cache becomes longer: short is faster

void SetIntegers(const Signature& signature, const std::string& name,
                 const std::vector<int>& values) {
  Tensor tensor = signature.Input(name);
  if (tensor.type != kTfLiteInt32 || tensor.num_bytes != 4 * values.size()) {
    throw Error("its graph takes " + name + " of another shape");
  }
  std::copy(values.begin(), values.end(), static_cast<int32_t*>(tensor.data));
}

// Writes all rows of `source`, [.., T, H], into rows `begin` and on of [.., M, H].
void WriteRows(const Tensor& source, int begin, Tensor* target) {
  const size_t rank = target->shape.size();
  if (rank < 2 || source.shape.size() != rank) {
    throw Error("its graph's tensors differ in shape");
  }
  const size_t size = target->shape[rank - 1];
  const size_t source_rows = source.shape[rank - 2], rows = target->shape[rank - 2];
  size_t outer = 1;
  for (size_t i = 0; i + 2 < rank; ++i) outer *= target->shape[i];
  for (size_t i = 0; i < outer; ++i) {
    target->Copy(source, i * source_rows * size, (i * rows + begin) * size,
                 source_rows * size);
  }
}

void CopyAll(const Tensor& source, Tensor* target) {
  size_t count = 1;
  for (int dimension : target->shape) count *= dimension;
  target->Copy(source, 0, 0, count);
}

}  // namespace

CachedGraph::CachedGraph(const Interpreter& interpreter, int chunk, int max_length,
                         const std::map<std::string, std::string>& kinds)
    : interpreter_(interpreter),
      chunk_(chunk),
      max_length_(max_length),
      decode_(interpreter.Get("decode")) {
  if (chunk < 1 || max_length < 2 || chunk > max_length) {
    throw Error("its metadata has no sensible chunk and max_length");
  }
  for (const auto& [name, kind] : kinds) {
    if (kind != "rows" && kind != "state") {
      throw Error("its cache has a kind \"" + kind + "\", unknown to this program");
    }
    memories_.push_back({kind == "rows", "cache_" + name, "update_" + name});
  }
}

void CachedGraph::Reset() {
  position_ = 0;
  if (num_rows_ == 0) return;
  for (const Memory& memory : memories_) {
    if (!memory.is_rows) decode_.Input(memory.cache).Clear();
  }
}

std::vector<float> CachedGraph::Extend(
    const std::map<std::string, std::vector<int>>& inputs) {
  const int count = static_cast<int>(inputs.at("tokens").size());
  MakeRoom(position_ + count);
  if (count > 1) FillPrefill();
  Signature& signature = count > 1 ? *prefill_ : decode_;
  for (const auto& [name, values] : inputs) SetIntegers(signature, name, values);
  SetIntegers(signature, "position", {position_});
  signature.Run();

  for (const Memory& memory : memories_) {
    Tensor cache = decode_.Input(memory.cache);
    Tensor update = signature.Output(memory.update);
    if (memory.is_rows) {
      WriteRows(update, position_, &cache);  // [.., T, H]
    } else {
      CopyAll(update, &cache);
    }
  }
  position_ += count;
  Tensor output = signature.Output("logits");  // [1, T, V]
  if (output.shape.size() != 3 || output.shape[1] != count) {
    throw Error("its graph's logits have another shape");
  }
  const size_t size = output.shape[2];
  std::vector<float> logits;
  for (size_t id = 0; id < size; ++id) {
    logits.push_back(output.Number((count - 1) * size + id));
  }
  return logits;
}

// Makes the cache as long as the longest piece so far needs.
void CachedGraph::MakeRoom(int num_rows) {
  if (num_rows <= num_rows_) return;
  bool grows = std::any_of(memories_.begin(), memories_.end(),
                           [](const Memory& memory) { return memory.is_rows; });
  num_rows = (num_rows + kGrowth - 1) / kGrowth * kGrowth;
  num_rows = grows ? std::min(num_rows, max_length_) : max_length_;

  std::vector<std::vector<char>> kept;
  std::vector<Tensor> old;  // whose data is in `kept`
  for (const Memory& memory : memories_) {
    if (position_ == 0) break;
    Tensor cache = decode_.Input(memory.cache);
    const char* data = static_cast<const char*>(cache.data);
    kept.emplace_back(data, data + cache.num_bytes);
    cache.data = kept.back().data();
    old.push_back(cache);
  }
  Enlarge(&decode_, num_rows);
  for (size_t i = 0; i < memories_.size(); ++i) {
    Tensor cache = decode_.Input(memories_[i].cache);
    cache.Clear();  // a weight of zero would not hide a NaN
    if (old.empty()) continue;
    if (memories_[i].is_rows) {
      WriteRows(old[i], 0, &cache);
    } else {
      CopyAll(old[i], &cache);
    }
  }
  num_rows_ = num_rows;
}

void CachedGraph::Enlarge(Signature* signature, int num_rows) {
  for (const Memory& memory : memories_) {
    if (!memory.is_rows) continue;
    std::vector<int> shape = signature->Input(memory.cache).shape;  // [.., M, H]
    if (shape.size() < 2) throw Error("its graph's cache has no rows");
    shape[shape.size() - 2] = num_rows;
    signature->Resize(memory.cache, shape);
  }
  signature->Allocate();
}

// Gives `prefill` a copy of the cache: the two signatures share only their weights.
void CachedGraph::FillPrefill() {
  if (!prefill_) prefill_ = std::make_unique<Signature>(interpreter_.Get("prefill"));
  if (prefill_rows_ != num_rows_) Enlarge(prefill_.get(), num_rows_);
  prefill_rows_ = num_rows_;
  for (const Memory& memory : memories_) {
    Tensor copy = prefill_->Input(memory.cache);
    CopyAll(decode_.Input(memory.cache), &copy);
  }
}

}  // namespace tfmusic
