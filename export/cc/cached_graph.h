// The graph and the cache of one piece, which lies in the graph's own input.

#ifndef TFMUSIC_CACHED_GRAPH_H_
#define TFMUSIC_CACHED_GRAPH_H_

#include <map>
#include <string>
#include <vector>

#include "interpreter.h"

namespace tfmusic {

// A new token's rows are written in place: nothing is copied but states, which each
// step replaces, all when the cache becomes longer, and once for each chunk of tokens.
//
// Axis letters: T tokens, V ids, M cache rows, H size of a row.
class CachedGraph {
 public:
  // Args:
  //   interpreter: of the graph; it has to outlive this object.
  //   chunk: tokens that `prefill` takes.
  //   max_length: most tokens in the cache.
  //   kinds: what the cache's tensors are: "rows", [.., M, H], which grow by a row with
  //     each token, or "state", which is zeros at first.
  CachedGraph(const Interpreter& interpreter, int chunk, int max_length,
              const std::map<std::string, std::string>& kinds);

  int chunk() const { return chunk_; }
  int max_length() const { return max_length_; }

  void Reset();  // forgets the piece

  // Consumes the next tokens.
  //
  // Args:
  //   inputs: the tokens and their features, [T] each, T being 1 or `chunk`.
  //
  // Returns:
  //   [V], the logits after the last of them.
  std::vector<float> Extend(const std::map<std::string, std::vector<int>>& inputs);

 private:
  struct Memory {
    bool is_rows;
    std::string cache, update;  // names of the graph's input and output
  };

  void MakeRoom(int num_rows);
  void Enlarge(Signature* signature, int num_rows);
  void FillPrefill();

  const Interpreter& interpreter_;
  int chunk_, max_length_;
  std::vector<Memory> memories_;
  Signature decode_;
  std::unique_ptr<Signature> prefill_;  // once it is needed
  int position_ = 0;                    // tokens in the cache
  int num_rows_ = 0;                    // M; none before the first token
  int prefill_rows_ = 0;                // M in `prefill`
};

}  // namespace tfmusic

#endif  // TFMUSIC_CACHED_GRAPH_H_
