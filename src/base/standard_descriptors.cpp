#include "tidings/base/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <initializer_list>

namespace tidings {

bool keep_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    while (::fcntl(descriptor, F_GETFD) < 0)  // the lowest that is free is taken
      if (::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return false;
  return true;
}

}  // namespace tidings
