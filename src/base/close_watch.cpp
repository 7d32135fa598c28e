#include "base/close_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/descriptor.hpp"

namespace tidings {
namespace {

class SystemCloseWatch final : public CloseWatch {
 public:
  SystemCloseWatch(std::string path, int events, int woken) : path_(std::move(path)), events_(events), woken_(woken) {
    // A child's copies would keep the watch alive, of which a user has few.
    events_.keep_from_children();
    woken_.keep_from_children();
  }
  [[nodiscard]] bool is_open() const { return events_.get() >= 0 && woken_.get() >= 0; }
  [[nodiscard]] int events() const { return events_.get(); }

  Result<bool> wait(Duration wait_max) override {
    pollfd ready[2] = {{events_.get(), POLLIN, 0}, {woken_.get(), POLLIN, 0}};
    const auto count = std::max<Duration::rep>(wait_max.count(), 0);
    const timespec limit{static_cast<time_t>(count / 1'000'000'000), static_cast<long>(count % 1'000'000'000)};
    const int found = ::ppoll(ready, 2, &limit, nullptr);
    if (found < 0 && errno == EINTR) return false;
    if (found < 0) return system_error("cannot watch", path_, errno);
    for (const auto& one : ready)
      if ((one.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return system_error("cannot watch", path_, EIO);
    std::uint64_t times = 0;
    if (ready[1].revents != 0) (void)!::read(woken_.get(), &times, sizeof times);
    return ready[0].revents != 0 && drain();
  }

  void wake() override {
    const std::uint64_t once = 1;
    (void)!::write(woken_.get(), &once, sizeof once);
  }

 private:
  /// What stands in the events is known: there is one watch, for one thing.
  Result<bool> drain() {
    alignas(inotify_event) char events[4096];
    while (true) {
      const auto got = ::read(events_.get(), events, sizeof events);
      if (got > 0 || (got < 0 && errno == EINTR)) continue;
      if (got < 0 && errno == EAGAIN) return true;
      return system_error("cannot watch", path_, got == 0 ? EIO : errno);
    }
  }

  std::string path_;
  Descriptor events_, woken_;
};

}  // namespace

Result<std::unique_ptr<CloseWatch>> File::watch_closes() {
  return Error{"unsupported", path() + " lies where nobody tells that a file is closed", Retry::never};
}

Result<std::unique_ptr<CloseWatch>> system_close_watch(int fd, const std::string& path) {
  const auto refused = [&](int error) -> Error {
    if (error != EMFILE && error != ENFILE && error != ENOSPC) return system_error("cannot watch", path, error);
    return {"too_many_watches",
            "cannot watch " + path +
                ": this process has too many files open, or this user too many watches; raise "
                "fs.inotify.max_user_instances (sysctl)",
            Retry::same_call};
  };
  const int events = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (events < 0) return refused(errno);
  const int woken = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (woken < 0) {
    const int error = errno;
    ::close(events);
    return refused(error);
  }
  auto watch = std::make_unique<SystemCloseWatch>(path, events, woken);
  if (!watch->is_open()) return refused(EMFILE);
  // This very file, whatever stands at its path now.
  if (::inotify_add_watch(watch->events(), ("/proc/self/fd/" + std::to_string(fd)).c_str(), IN_CLOSE_WRITE) < 0)
    return refused(errno);
  return std::unique_ptr<CloseWatch>(std::move(watch));
}

}  // namespace tidings
