#include "interpreter.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "error.h"

namespace tfmusic {
namespace {

// Keeps the first line that the library says: what it adds is less to the point.
void Report(void* message, const char* format, va_list arguments) {
  auto* text = static_cast<std::string*>(message);
  if (!text->empty()) return;
  char buffer[500];
  std::vsnprintf(buffer, sizeof(buffer), format, arguments);
  *text = std::string(buffer, std::strcspn(buffer, "\r\n"));
}

void Require(bool done, const std::string* message) {
  if (done) return;
  throw Error(message->empty() ? "its graph can't be run" : *message);
}

Tensor View(const TfLiteTensor* tensor, const std::string& name) {
  if (tensor == nullptr) throw Error("its graph has no tensor " + name);
  Tensor view;
  view.type = TfLiteTensorType(tensor);
  for (int i = 0; i < TfLiteTensorNumDims(tensor); ++i) {
    view.shape.push_back(TfLiteTensorDim(tensor, i));
  }
  view.quantization = TfLiteTensorQuantizationParams(tensor);
  view.data = TfLiteTensorData(tensor);
  view.num_bytes = TfLiteTensorByteSize(tensor);
  return view;
}

size_t SizeOf(TfLiteType type) {
  switch (type) {
    case kTfLiteFloat32:
    case kTfLiteInt32:
      return 4;
    case kTfLiteInt8:
      return 1;
  }
  throw Error("its graph has tensors of another type than float32, int32 and int8");
}

}  // namespace

float Tensor::Number(size_t index) const {
  if (type == kTfLiteFloat32) return static_cast<const float*>(data)[index];
  if (type != kTfLiteInt8) throw Error("its graph has integers where numbers belong");
  int value = static_cast<const int8_t*>(data)[index];
  return static_cast<float>(value - quantization.zero_point) * quantization.scale;
}

void Tensor::Copy(const Tensor& source, size_t source_begin, size_t begin,
                  size_t count) {
  const size_t size = SizeOf(type);
  if (begin + count > num_bytes / size ||
      source_begin + count > source.num_bytes / SizeOf(source.type)) {
    throw Error("its graph's tensors differ in shape");
  }
  if (type == source.type && quantization.scale == source.quantization.scale &&
      quantization.zero_point == source.quantization.zero_point) {
    std::memcpy(static_cast<char*>(data) + begin * size,
                static_cast<const char*>(source.data) + source_begin * size,
                count * size);
    return;
  }
  if (type != kTfLiteInt8 || source.type != kTfLiteInt8) {
    throw Error("its graph's cache and updates differ in type");
  }
  for (size_t i = 0; i < count; ++i) {
    float steps = source.Number(source_begin + i) / quantization.scale;
    float value = std::nearbyint(steps) + static_cast<float>(quantization.zero_point);
    static_cast<int8_t*>(data)[begin + i] =
        static_cast<int8_t>(std::clamp(value, -128.0f, 127.0f));
  }
}

void Tensor::Clear() {
  std::memset(data, type == kTfLiteInt8 ? quantization.zero_point : 0, num_bytes);
}

Tensor Signature::Input(const std::string& name) const {
  return View(TfLiteSignatureRunnerGetInputTensor(runner_.get(), name.c_str()), name);
}

Tensor Signature::Output(const std::string& name) const {
  return View(TfLiteSignatureRunnerGetOutputTensor(runner_.get(), name.c_str()), name);
}

void Signature::Resize(const std::string& input, const std::vector<int>& shape) {
  Require(TfLiteSignatureRunnerResizeInputTensor(
              runner_.get(), input.c_str(), shape.data(),
              static_cast<int32_t>(shape.size())) == kTfLiteOk,
          message_);
}

void Signature::Allocate() {
  Require(TfLiteSignatureRunnerAllocateTensors(runner_.get()) == kTfLiteOk, message_);
}

void Signature::Run() {
  Require(TfLiteSignatureRunnerInvoke(runner_.get()) == kTfLiteOk, message_);
}

bool HasInt4Blocks() {
  int major = 0, minor = 0;
  std::sscanf(TfLiteVersion(), "%d.%d", &major, &minor);
  return !(major == 2 && minor < 20);
}

Interpreter::Interpreter(const std::string& path, int num_threads)
    : message_(std::make_unique<std::string>()),
      model_(TfLiteModelCreateFromFileWithErrorReporter(path.c_str(), Report,
                                                        message_.get())) {
  Require(model_ != nullptr, message_.get());
  struct DeleteOptions {
    void operator()(TfLiteInterpreterOptions* it) {
      TfLiteInterpreterOptionsDelete(it);
    }
  };
  std::unique_ptr<TfLiteInterpreterOptions, DeleteOptions> options(
      TfLiteInterpreterOptionsCreate());
  TfLiteInterpreterOptionsSetErrorReporter(options.get(), Report, message_.get());
  if (num_threads > 0) {
    TfLiteInterpreterOptionsSetNumThreads(options.get(), num_threads);
  }
  interpreter_.reset(TfLiteInterpreterCreate(model_.get(), options.get()));
  Require(interpreter_ != nullptr, message_.get());
  // This, but no signature's own allocation, puts the library's fast kernels in place.
  Require(TfLiteInterpreterAllocateTensors(interpreter_.get()) == kTfLiteOk,
          message_.get());
}

Signature Interpreter::Get(const std::string& key) const {
  Signature signature;
  signature.runner_.reset(
      TfLiteInterpreterGetSignatureRunner(interpreter_.get(), key.c_str()));
  signature.message_ = message_.get();
  if (!signature.runner_) throw Error("its graph has no signature " + key);
  return signature;
}

}  // namespace tfmusic
