#include "ops/lookup.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "ops/socket.hpp"
#include "tidings/base/guarded.hpp"
#include "tidings/base/text.hpp"

namespace tidings::ops {

namespace {

Error failed(std::string_view host, std::string_view why) {
  return {"unreachable", "the name " + printable(host) + " is not found: " + std::string(why), Retry::same_call};
}

Result<std::vector<Address>> ask(const std::string& host, const std::string& port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int problem = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); problem != 0)
    return failed(host, problem == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(problem));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> freed(found, &::freeaddrinfo);
  std::vector<Address> all;
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    auto& address = all.emplace_back();
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
  }
  return all;
}

}  // namespace

struct Lookup::Question {
  Fd answered{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};  ///< can be read once `answer` is there
  std::mutex mutex;
  Result<std::vector<Address>> answer = Error{"unreachable", "not asked yet", Retry::same_call};
};

Lookup::Ask Lookup::ask_system() {
  return [](const std::string& host, const std::string& port) { return ask(host, port, 0); };
}

Lookup::Lookup(std::string host, std::string port, Ask ask)
    : host_(std::move(host)), port_(std::move(port)), ask_(std::move(ask)) {}

Result<std::vector<Address>> Lookup::find(SteadyTime until, int cancel) {
  if (auto numeric = ask(host_, port_, AI_NUMERICHOST)) return numeric;  // which asks nobody
  if (!question_) {
    auto question = std::make_shared<Question>();
    if (question->answered.get() < 0) return failed(host_, "no descriptor is left; raise the limit (ulimit -n)");
    try {
      std::thread([question, ask = ask_, host = host_, port = port_] {
        auto answer = guarded([&] { return ask(host, port); });
        {
          const std::scoped_lock lock(question->mutex);
          question->answer = std::move(answer);
        }
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(question->answered.get(), &one, sizeof one);
      }).detach();  // tidings: allow(detached-thread): who asks a resolver cannot be called back; it owns all it uses
    } catch (const std::system_error& none) {
      return failed(host_, none.what());
    }
    question_ = std::move(question);
  }
  if (!wait_for(question_->answered.get(), POLLIN, until, cancel))
    return failed(host_, "the resolver did not answer in time");
  const auto answered = std::exchange(question_, nullptr);
  const std::scoped_lock lock(answered->mutex);
  return answered->answer;
}

}  // namespace tidings::ops
