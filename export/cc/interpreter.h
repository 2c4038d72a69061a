// A .tflite graph's signatures: the only part that calls the TensorFlow Lite library.

#ifndef TFMUSIC_INTERPRETER_H_
#define TFMUSIC_INTERPRETER_H_

#include <memory>
#include <string>
#include <vector>

#include "tflite_c.h"

namespace tfmusic {

// A tensor in the library's own memory, good until the next `Resize` or `Run`.
struct Tensor {
  TfLiteType type;
  std::vector<int> shape;
  TfLiteQuantizationParams quantization;  // of int8: (value - zero_point) * scale
  void* data;
  size_t num_bytes;

  // Copies `count` numbers, requantized where the two tensors' scales differ.
  void Copy(const Tensor& source, size_t source_begin, size_t begin, size_t count);
  void Clear();                      // makes all numbers zero
  float Number(size_t index) const;  // of float32 or int8
};

// A function of the graph. What fails throws `Error` with the library's own words.
class Signature {
 public:
  Tensor Input(const std::string& name) const;
  Tensor Output(const std::string& name) const;
  void Resize(const std::string& input, const std::vector<int>& shape);
  void Allocate();  // after resizing
  void Run();

 private:
  friend class Interpreter;
  struct Delete {
    void operator()(TfLiteSignatureRunner* it) { TfLiteSignatureRunnerDelete(it); }
  };
  std::unique_ptr<TfLiteSignatureRunner, Delete> runner_;
  const std::string* message_ = nullptr;  // what the library said last
};

// Whether the library runs matrices of int4 in blocks that share a scale. Versions
// before 2.20 don't, and crash.
bool HasInt4Blocks();

class Interpreter {
 public:
  // Throws `Error` where the file's graph can't be used.
  //
  // Args:
  //   path: the file, which has to stay as it is.
  //   num_threads: or 0, to leave it to the library.
  Interpreter(const std::string& path, int num_threads);

  Signature Get(const std::string& key) const;

 private:
  struct Delete {
    void operator()(TfLiteModel* it) { TfLiteModelDelete(it); }
    void operator()(TfLiteInterpreter* it) { TfLiteInterpreterDelete(it); }
  };
  std::unique_ptr<std::string> message_;
  std::unique_ptr<TfLiteModel, Delete> model_;
  std::unique_ptr<TfLiteInterpreter, Delete> interpreter_;
};

}  // namespace tfmusic

#endif  // TFMUSIC_INTERPRETER_H_
