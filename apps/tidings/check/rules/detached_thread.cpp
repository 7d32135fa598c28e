#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts&) {
    for (const auto& file : project.files)
      for (const auto& call : file->structure.calls) {
        if (Code::text(*file, call.name) != "detach" || call.close != call.open + 1 || !Code::has_receiver(*file, call))
          continue;
        const auto type = code.receiver(*file, call);
        const bool is_thread =
            is_one_of(type.name, {"thread", "jthread"}) && (type.qualifier == "std" || type.qualifier.empty());
        if (is_thread && !code.struct_of(type))
          sink.add(project, *file, call.name, "this thread is detached: nobody waits for it");
      }
  });
}

}  // namespace

const Rule detached_thread{
    .id = "detached-thread",
    .severity = Severity::warning,
    .finds = "A `std::thread` that is detached.",
    .can_happen =
        "It runs on while the process ends, and uses what is destroyed; its event counts as handled before it is done, "
        "and a crash loses it.",
    .to_do =
        "Keep the thread as a std::jthread and let it end by its stop_token, or do the work in a handler of its own.",
    .bad = R"code(#include <thread>
void warm(Cache& cache) {
  std::thread([&cache] { cache.load(); }).detach();
}
)code",
    .good = R"code(#include <thread>
struct Warmer {
  void start() { thread_ = std::jthread([this](std::stop_token stop) { cache_.load(stop); }); }
  Cache cache_;
  std::jthread thread_;
};
)code",
    .run = run};

}  // namespace tidings::check
