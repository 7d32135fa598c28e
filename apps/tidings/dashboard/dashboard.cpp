#include "dashboard/dashboard.hpp"

#include <spawn.h>

#include "dashboard/api.hpp"
#include "dashboard/page.hpp"
#include "dashboard/tls.hpp"
#include "dashboard/watching.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"

extern char** environ;  // NOLINT

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t streams_max = 64;
constexpr std::size_t body_bytes_max = std::size_t{1} << 20;
constexpr std::size_t head_bytes_max = 64 << 10;  // a search's cursor names each partition
constexpr std::size_t threads = 6;

/// Whoever can reach it, sees everything: so nobody else than who sits at this machine, but with a token that nobody
/// can read on the way.
Result<> check_listen(const std::string& host, const DashboardArguments& arguments) {
  if (arguments.certificate_file.empty() != arguments.key_file.empty())
    return Error{"invalid_options", "--tls-cert and --tls-key belong together: give both"};
  if (is_loopback_host(host) || arguments.listen.rfind(':') == std::string::npos)
    return {};  // no place: the server says so
  if (arguments.token_file.empty() || arguments.certificate_file.empty())
    return Error{"insecure_listen",
                 "whoever reaches " + printable(arguments.listen) +
                     " could look at all events: give --token FILE and --tls-cert FILE --tls-key FILE, or listen on "
                     "127.0.0.1, and come there by ssh -L 7077:127.0.0.1:7077"};
  return {};
}

class Running final : public Dashboard {
 public:
  Running(Broker& broker, const Common& common, const DashboardArguments& arguments, Clock& clock)
      : arguments_(arguments),
        common_(common),
        collector_(common_),
        databases_(arguments_.stores),
        watching_(broker, common_, collector_, sources_, letters_, clock),
        api_({.broker = broker,
              .common = common_,
              .arguments = arguments_,
              .clock = clock,
              .collector = collector_,
              .sources = sources_,
              .letters = letters_,
              .databases = databases_,
              .audit = audit_,
              .started = clock.now()}) {}
  ~Running() override {
    watching_.stop();
    api_.stop();
    if (server_) server_->stop();
  }

  Result<> start() {
    const auto host = host_of(arguments_.listen);
    if (auto safe = check_listen(host, arguments_); !safe) return safe;
    std::string token;
    if (!arguments_.token_file.empty()) {
      auto read = read_token(arguments_.token_file);
      if (!read) return read.error();
      token = std::move(*read);
    }
    is_tls_ = !arguments_.certificate_file.empty();
    access_.emplace(AccessOptions{
        .listen_host = host, .token = token, .is_tls = is_tls_, .allows_actions = arguments_.allow_actions});
    ops::HttpOptions options;
    options.listen = arguments_.listen;
    options.streams_max = streams_max;
    options.body_bytes_max = body_bytes_max;
    options.request_bytes_max = head_bytes_max;
    options.stream_bytes_max = std::size_t{4} << 20;
    options.threads = threads;
    options.gate = [this](const ops::HttpRequest& request) { return access_->refusal(request); };
    options.problem = [](int status, std::string_view why) {
      const auto* const code = status == 404   ? "not_found"
                               : status == 405 ? "wrong_method"
                               : status == 503 ? "busy"
                               : status == 505 ? "wrong_version"
                               : status >= 500 ? "internal"
                                               : "invalid_request";
      return error_answer(status, code, status == 404 ? "there is nothing here" : why);
    };
    options.headers = safe_headers(is_tls_);
    if (is_tls_) {
      auto channels = tls_channels(arguments_.certificate_file, arguments_.key_file);
      if (!channels) return channels.error();
      options.channel = std::move(*channels);
    }
    if (!arguments_.audit_log.empty())
      if (auto opened = audit_.open(arguments_.audit_log); !opened) return opened;
    server_.emplace(std::move(options));
    api_.serve(*server_);
    serve_page(*server_);
    server_->post("/login", [this](const ops::HttpRequest& request) { return access_->log_in(request); });
    if (auto watched = watching_.start([this] { api_.tell_listeners(); }); !watched) return watched;
    return server_->start();
  }

  [[nodiscard]] std::string url() const override {
    return (is_tls_ ? "https://" : "http://") + server_->address() + "/";
  }
  [[nodiscard]] std::vector<std::string> unopened_stores() override { return databases_.unopened(); }

 private:
  const DashboardArguments arguments_;
  const Common common_;
  Collector collector_;
  Sources sources_;
  LetterBoard letters_;
  Databases databases_;
  AuditLog audit_;
  Watching watching_;
  Api api_;
  std::optional<Access> access_;
  std::optional<ops::HttpServer> server_;
  bool is_tls_ = false;
};

/// Whatever opens pages here; that there is none is no reason to end.
void open_in_browser(const std::string& url) {
  std::string program = "xdg-open", address = url;
  char* arguments[] = {program.data(), address.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawnp(&child, "xdg-open", nullptr, nullptr, arguments, environ) != 0)
    complain("there is no xdg-open to open it with; open " + url);
}

}  // namespace

Result<std::unique_ptr<Dashboard>> Dashboard::start(Broker& broker, const Common& common,
                                                    const DashboardArguments& arguments, Clock& clock) {
  auto running = std::make_unique<Running>(broker, common, arguments, clock);
  if (auto started = running->start(); !started) return started.error();
  return std::unique_ptr<Dashboard>(std::move(running));
}

int dashboard(const Common& given, const DashboardArguments& arguments) {
  const auto with = with_showing(given);
  if (!with) return fail(with.error());
  const auto& common = *with;
  if (auto valid = check_names(common, ""); !valid) return fail(valid.error());
  catch_signals();
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  auto running = Dashboard::start(**broker, common, arguments);
  if (!running) return fail(running.error());
  const auto url = (*running)->url();
  if (const auto printed = print(url + "\n"); printed != done) return printed;
  complain(std::string("the dashboard is at ") + url +
           (arguments.allow_actions ? ", and may act" : ", and only looks; --allow-actions has it act") +
           "; Ctrl-C ends it");
  for (const auto& sentence : (*running)->unopened_stores()) complain(sentence);
  if (arguments.open) open_in_browser(url);
  while (await(-1, 0, std::chrono::milliseconds{-1}) != Awaited::interrupted) {
  }
  running->reset();
  return status_after_signals(done);
}

}  // namespace tidings::cli
