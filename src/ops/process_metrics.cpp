#include "ops/process_metrics.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace tidings::ops {

namespace {

/// Of /proc/self/stat, counted from 1 as proc(5) does; 0 where it cannot be read. The second is a name in brackets,
/// which may have blanks.
double stat_field(int wanted) {
  char text[1024];
  auto* const file = std::fopen("/proc/self/stat", "re");
  if (file == nullptr) return 0;
  const auto size = std::fread(text, 1, sizeof text - 1, file);
  (void)std::fclose(file);
  text[size] = '\0';
  const char* at = std::strrchr(text, ')');
  for (int field = 2; at != nullptr && field < wanted; ++field) at = std::strchr(at + 1, ' ');
  return at == nullptr ? 0 : std::strtod(at + 1, nullptr);
}

double processor_seconds() {
  rusage used{};
  (void)::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double open_descriptors() {
  auto* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  double count = -3;  // `.`, `..`, and the one that looks
  while (::readdir(folder) != nullptr) ++count;
  (void)::closedir(folder);
  return count;
}

double descriptors_max() {
  rlimit limit{};
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double seconds_of(clockid_t clock) {
  timespec time{};
  (void)::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double start_seconds() {
  const auto since_boot = stat_field(22) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME) + since_boot;
}

}  // namespace

std::vector<ProcessMetric> process_metrics() {
  return {{"process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", true, processor_seconds},
          {"process_open_fds", "Number of open file descriptors.", false, open_descriptors},
          {"process_max_fds", "Maximum number of open file descriptors.", false, descriptors_max},
          {"process_virtual_memory_bytes", "Virtual memory size in bytes.", false, [] { return stat_field(23); }},
          {"process_resident_memory_bytes", "Resident memory size in bytes.", false,
           [] { return stat_field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)); }},
          {"process_start_time_seconds", "Start time of the process since unix epoch in seconds.", false,
           [started = start_seconds()] { return started; }}};
}

}  // namespace tidings::ops
