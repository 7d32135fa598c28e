#include "outbox/process_mark.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace tidings::outbox {

namespace {

/// Boot and space of numbers; a container has a space of its own, and hosts may share a name.
std::string here() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::array<char, 64> space{};
  const auto size = ::readlink("/proc/self/ns/pid", space.data(), space.size() - 1);
  if (boot.empty() || size <= 0) return {};
  return boot + "/" + std::string(space.data(), static_cast<std::size_t>(size));
}

struct Seen {
  bool is_there = false;
  bool is_known = false;  // whether it is there
  std::string started;    // in ticks since the boot
};

/// proc(5), /proc/PID/stat: the program's name, in parentheses, may have any characters.
Seen look(std::string_view number) {
  std::ifstream file("/proc/" + std::string(number) + "/stat");
  if (!file) return {.is_known = errno == ENOENT};
  std::string all;
  std::getline(file, all);
  const auto end = all.rfind(") ");
  if (end == all.npos) return {};
  std::istringstream fields(all.substr(end + 2));
  std::string state;
  std::string field;
  fields >> state;
  constexpr int started_at = 22;
  constexpr int state_at = 3;
  for (int at = state_at; at < started_at && fields; ++at) fields >> field;
  if (!fields) return {};
  return {.is_there = state != "Z" && state != "X", .is_known = true, .started = field};
}

}  // namespace

std::string process_mark() {
  const auto where = here();
  const auto number = std::to_string(::getpid());
  const auto own = look(number);
  return where.empty() || !own.is_there ? "" : where + "/" + number + "/" + own.started;
}

bool is_gone(std::string_view mark) {
  const auto where = here() + "/";
  if (where.size() == 1 || !mark.starts_with(where)) return false;
  mark.remove_prefix(where.size());
  const auto slash = mark.find('/');
  if (slash == mark.npos) return false;
  const auto seen = look(mark.substr(0, slash));
  return seen.is_known && (!seen.is_there || seen.started != mark.substr(slash + 1));
}

}  // namespace tidings::outbox
