#include "check/options.hpp"
#include "check/rules/all.hpp"
#include "check/rules/network.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// What waits, with nothing that ends the wait; empty: it does not, or nobody knows.
std::string_view waits(const Code& code, const File& file, const Call& call, Range within) {
  const auto name = Code::text(file, call.name);
  const auto of = Code::qualifier(file, call);
  if (const auto http = http_call(code, file, call, within)) return http->is_bounded ? "" : "a call over the network";
  const bool is_global = call.name > 0 && Code::is(file, call.name - 1, "::") && of.empty();
  if (Code::has_receiver(file, call)) {
    if (is_one_of(name, {"wait", "get", "acquire"})) {
      const auto type = code.receiver(file, call);
      if (!type || code.struct_of(type)) return {};
      if (name == "wait" && is_one_of(type.name, {"condition_variable", "condition_variable_any", "future",
                                                  "shared_future", "latch", "barrier"}))
        return "a wait";
      if (name == "get" && type.qualifier == "std" && is_one_of(type.name, {"future", "shared_future"}))
        return "a wait";
      if (name == "acquire" && is_one_of(type.name, {"counting_semaphore", "binary_semaphore"})) return "a wait";
    }
    return {};
  }
  if (is_one_of(name, {"sleep_for", "sleep_until"}) && (of == "this_thread" || of.empty()) &&
      !code.function_of(file, call))
    return "a sleep";
  const bool is_plain = of.empty() || of == "std";
  if (!is_plain || code.function_of(file, call)) return {};
  if (is_one_of(name, {"usleep", "nanosleep"})) return "a sleep";
  if (is_global && name == "sleep") return "a sleep";
  if ((is_global || of == "std") && name == "system") return "a program that is waited for";
  if (is_global && is_one_of(name, {"connect", "accept", "recv", "recvfrom", "getaddrinfo", "gethostbyname"}))
    return "a call over the network";
  return {};
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    for (const auto& handler : facts.handlers) {
      // On a queue of the bus a handler has a thread of its own, and may wait there.
      if (handler.kind == HandlerKind::queued || !handler.function) continue;
      if (handler.kind == HandlerKind::service) {
        const auto deadline = option_of(code, handler, "deadline");
        if (!deadline.is_known || !deadline.values.empty()) continue;
      }
      const auto all = facts.reached(handler);
      const bool is_bounded = std::ranges::any_of(all, [](const Reached& one) {
        return Code::has_word(*one.file, one.body, "deadline") || Code::has_word(*one.file, one.body, "stop");
      });
      if (is_bounded) continue;
      for (const auto& reached : all) {
        if (reached.through_lambda) continue;
        for (const auto& call : Code::calls(*reached.file, reached.body)) {
          // A lambda within may run anywhere.
          const auto* const within = Code::function_at(*reached.file, call.name, true);
          if (within != reached.function) continue;
          const auto what = waits(code, *reached.file, call, reached.body);
          if (!what.empty())
            sink.add(project, *reached.file, call.name,
                     std::string(what) + ", " + quoted(Code::text(*reached.file, call.name)) + ", in " +
                         name_of(handler) + ", which has no deadline");
        }
      }
    }
  });
}

}  // namespace

const Rule blocking_in_handler{
    .id = "blocking-in-handler",
    .severity = Severity::warning,
    .finds = "A sleep, a call over the network or a wait without an end, in a handler that has no deadline.",
    .can_happen =
        "The peer hangs, and so do the handler's worker and all events of its key; with one for each worker the whole "
        "handler stands still, and nothing says why.",
    .to_do =
        "Give the handler a deadline and end by Context::stop(), give the client a time-out, or publish later instead "
        "of sleeping.",
    .bad = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  service.on("settle", {}, [](const OrderPlaced& order, tidings::Context&) -> tidings::Result<> {
    httplib::Client bank("bank.example");
    auto answer = bank.Get("/charges/" + order.id);
    return answer ? tidings::Result<>{} : tidings::Error{"bank_away", "no answer", tidings::Retry::same_call};
  });
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  service.on("settle", {.deadline = 5s}, [](const OrderPlaced& order, tidings::Context&) -> tidings::Result<> {
    httplib::Client bank("bank.example");
    bank.set_read_timeout(2s);
    auto answer = bank.Get("/charges/" + order.id);
    return answer ? tidings::Result<>{} : tidings::Error{"bank_away", "no answer", tidings::Retry::same_call};
  });
}
)code",
    .once_a_place = true,
    .run = run};

}  // namespace tidings::check
