#include "machine.hpp"

#include <sys/utsname.h>

#include <chrono>
#include <fstream>
#include <string_view>
#include <thread>

#include "tidings/base/time.hpp"

namespace bench {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != line.npos) return line.substr(colon + 2);
  return "unknown processor";
}

std::string major_and_minor(std::string_view release) {
  const auto dot = release.find('.');
  return std::string(release.substr(0, dot == release.npos ? dot : release.find_first_not_of("0123456789", dot + 1)));
}

std::string compiler() {
#ifdef __clang__
  return "clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__);
#else
  return "g++ " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__);
#endif
}

}  // namespace

std::string describe_machine() {
  utsname system{};
  const bool known = ::uname(&system) == 0;
  return processor() + ", " + std::to_string(std::thread::hardware_concurrency()) + " cores, " +
         (known ? std::string(system.sysname) + " " + major_and_minor(system.release) : "unknown system") + ", " +
         compiler() + " " + TIDINGS_BENCH_FLAGS + ", assertions on";
}

std::string today() {
  return tidings::to_rfc3339(std::chrono::system_clock::now()).substr(0, 10);
}

}  // namespace bench
