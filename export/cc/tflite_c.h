// What this program uses of the TensorFlow Lite C API (2.17 and later).
//
// The library's packages come without headers, so its functions are declared here;
// they and the numbers below are the library's binary interface. The reference is
// tensorflow/lite/c/c_api.h.

#ifndef TFMUSIC_TFLITE_C_H_
#define TFMUSIC_TFLITE_C_H_

#include <cstdarg>
#include <cstddef>
#include <cstdint>

extern "C" {

struct TfLiteModel;
struct TfLiteInterpreterOptions;
struct TfLiteInterpreter;
struct TfLiteSignatureRunner;
struct TfLiteTensor;

enum TfLiteStatus : int { kTfLiteOk = 0 };
enum TfLiteType : int { kTfLiteFloat32 = 1, kTfLiteInt32 = 2, kTfLiteInt8 = 9 };

struct TfLiteQuantizationParams {
  float scale;
  int32_t zero_point;
};

const char* TfLiteVersion();

using TfLiteReporter = void (*)(void* user_data, const char* format, va_list);

TfLiteModel* TfLiteModelCreateFromFileWithErrorReporter(const char* path,
                                                        TfLiteReporter,
                                                        void* user_data);
void TfLiteModelDelete(TfLiteModel*);

TfLiteInterpreterOptions* TfLiteInterpreterOptionsCreate();
void TfLiteInterpreterOptionsDelete(TfLiteInterpreterOptions*);
void TfLiteInterpreterOptionsSetNumThreads(TfLiteInterpreterOptions*, int32_t count);
void TfLiteInterpreterOptionsSetErrorReporter(TfLiteInterpreterOptions*,
                                              TfLiteReporter, void* user_data);

TfLiteInterpreter* TfLiteInterpreterCreate(const TfLiteModel*,
                                           const TfLiteInterpreterOptions*);
void TfLiteInterpreterDelete(TfLiteInterpreter*);
TfLiteStatus TfLiteInterpreterAllocateTensors(TfLiteInterpreter*);
TfLiteSignatureRunner* TfLiteInterpreterGetSignatureRunner(const TfLiteInterpreter*,
                                                           const char* key);

void TfLiteSignatureRunnerDelete(TfLiteSignatureRunner*);
TfLiteStatus TfLiteSignatureRunnerResizeInputTensor(TfLiteSignatureRunner*,
                                                    const char* name,
                                                    const int* dimensions,
                                                    int32_t num_dimensions);
TfLiteStatus TfLiteSignatureRunnerAllocateTensors(TfLiteSignatureRunner*);
TfLiteStatus TfLiteSignatureRunnerInvoke(TfLiteSignatureRunner*);
TfLiteTensor* TfLiteSignatureRunnerGetInputTensor(TfLiteSignatureRunner*,
                                                  const char* name);
const TfLiteTensor* TfLiteSignatureRunnerGetOutputTensor(const TfLiteSignatureRunner*,
                                                         const char* name);

TfLiteType TfLiteTensorType(const TfLiteTensor*);
int32_t TfLiteTensorNumDims(const TfLiteTensor*);
int32_t TfLiteTensorDim(const TfLiteTensor*, int32_t index);
size_t TfLiteTensorByteSize(const TfLiteTensor*);
void* TfLiteTensorData(const TfLiteTensor*);
TfLiteQuantizationParams TfLiteTensorQuantizationParams(const TfLiteTensor*);

}  // extern "C"

#endif  // TFMUSIC_TFLITE_C_H_
