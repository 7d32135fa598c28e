#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

bool is_anywhere(const Project& project, std::initializer_list<std::string_view> words) {
  for (const auto& file : project.files)
    for (const auto& token : file->tokens())
      if (token.is_identifier() && is_one_of(token.text, words)) return true;
  return false;
}

/// What waits, with nothing that ends the wait; empty: it does not, or nobody knows.
std::string_view waits(const Project& project, const Code& code, const File& file, const Call& call) {
  const auto name = Code::text(file, call.name);
  const auto of = Code::qualifier(file, call);
  const bool is_global = call.name > 0 && Code::is(file, call.name - 1, "::") && of.empty();
  if (Code::has_receiver(file, call)) {
    if (is_one_of(name, {"wait", "get", "acquire", "Get", "Post", "Put", "Patch", "Delete", "Head", "Options"})) {
      const auto type = code.receiver(file, call);
      if (!type || code.struct_of(type)) return {};
      if (name == "wait" && is_one_of(type.name, {"condition_variable", "condition_variable_any", "future",
                                                  "shared_future", "latch", "barrier"}))
        return "a wait";
      if (name == "get" && type.qualifier == "std" && is_one_of(type.name, {"future", "shared_future"}))
        return "a wait";
      if (name == "acquire" && is_one_of(type.name, {"counting_semaphore", "binary_semaphore"})) return "a wait";
      if (type.qualifier == "httplib" && is_one_of(type.name, {"Client", "SSLClient"}) && name != "wait" &&
          name != "get" && name != "acquire" && !is_anywhere(project, {"set_read_timeout", "set_max_timeout"}))
        return "a call over the network";
    }
    return {};
  }
  if (is_one_of(name, {"sleep_for", "sleep_until"}) && (of == "this_thread" || of.empty()) &&
      !code.function_of(file, call))
    return "a sleep";
  const bool is_plain = of.empty() || of == "std";
  if (!is_plain && of != "cpr") return {};
  if (is_plain && code.function_of(file, call)) return {};
  if (is_plain && is_one_of(name, {"usleep", "nanosleep"})) return "a sleep";
  if (is_global && name == "sleep") return "a sleep";
  if ((is_global || of == "std") && name == "system") return "a program that is waited for";
  if (is_plain && name == "curl_easy_perform" && !is_anywhere(project, {"CURLOPT_TIMEOUT", "CURLOPT_TIMEOUT_MS"}))
    return "a call over the network";
  if (is_global && is_one_of(name, {"connect", "accept", "recv", "recvfrom", "getaddrinfo", "gethostbyname"}))
    return "a call over the network";
  if (of == "cpr" && is_one_of(name, {"Get", "Post", "Put", "Patch", "Delete"})) {
    for (auto at = call.open; at < call.close; ++at)
      if (Code::is(file, at, "Timeout")) return {};
    return "a call over the network";
  }
  return {};
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    for (const auto& handler : facts.handlers) {
      // On a queue of the bus a handler has a thread of its own, and may wait there.
      if (handler.kind == HandlerKind::queued || !handler.function) continue;
      if (handler.kind == HandlerKind::service &&
          (!handler.options || Code::has_word(*handler.file, *handler.options, "deadline")))
        continue;
      const auto all = facts.reached(handler);
      const bool is_bounded = std::ranges::any_of(all, [](const Reached& one) {
        return Code::has_word(*one.file, one.body, "deadline") || Code::has_word(*one.file, one.body, "stop");
      });
      if (is_bounded) continue;
      for (const auto& reached : all)
        for (const auto& call : Code::calls(*reached.file, reached.body)) {
          // A lambda within may run anywhere.
          const auto* const within = Code::function_at(*reached.file, call.name, true);
          if (within != reached.function) continue;
          const auto what = waits(project, code, *reached.file, call);
          if (!what.empty())
            sink.add(project, *reached.file, call.name,
                     std::string(what) + ", " + quoted(Code::text(*reached.file, call.name)) + ", in " +
                         name_of(handler) + ", which has no deadline");
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
  service.on("charge", {}, [](const OrderPlaced& order, tidings::Context&) -> tidings::Result<> {
    httplib::Client bank("bank.example");
    auto answer = bank.Post("/charge", order.id, "text/plain");
    return answer ? tidings::Result<>{} : tidings::Error{"bank_away", "no answer", tidings::Retry::same_call};
  });
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  service.on("charge", {.deadline = 5s}, [](const OrderPlaced& order, tidings::Context&) -> tidings::Result<> {
    httplib::Client bank("bank.example");
    bank.set_read_timeout(2s);
    auto answer = bank.Post("/charge", order.id, "text/plain");
    return answer ? tidings::Result<>{} : tidings::Error{"bank_away", "no answer", tidings::Retry::same_call};
  });
}
)code",
    .run = run};

}  // namespace tidings::check
