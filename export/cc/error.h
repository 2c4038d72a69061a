// An error that is the user's to mend.

#ifndef TFMUSIC_ERROR_H_
#define TFMUSIC_ERROR_H_

#include <stdexcept>

namespace tfmusic {

// Its text is one line that says what is wrong; the program prints it and ends with
// exit code 2.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace tfmusic

#endif  // TFMUSIC_ERROR_H_
