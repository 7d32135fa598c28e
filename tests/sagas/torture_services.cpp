#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "tests/sagas/torture.hpp"
#include "tidings/saga/tombstones.hpp"
#include "tidings/service/service.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::saga::torture {

namespace {

Fate fate_of(std::int64_t number) {
  return static_cast<Fate>(number);
}

/// A line of what this participant did, which nothing keeps from being there twice.
Result<> write(Transaction& tx, std::string_view who, std::string_view order_id, std::string_view what) {
  const auto done = tx.execute("insert into effects(who, order_id, what) values ($1, $2, $3)", who, order_id, what);
  return done ? Result<>{} : done.error();
}

template <class Command, class Work>
void on_command(Service& service, const std::string& name, const std::shared_ptr<Tombstones>& stones, Work work) {
  service.on(name, {.retry = {.immediate = 10'000, .delayed = 0}},
             [stones, work](const Command& command, Context& context, Transaction& tx) -> Result<> {
               const auto is_first = stones->admit(tx, context.envelope().id);
               if (!is_first) return is_first.error();
               return *is_first ? work(command, context, tx) : Result<>{};
             });
}

template <class Command, class Answer>
void on_compensation(Service& service, const std::string& name, const std::shared_ptr<Tombstones>& stones,
                     const std::string& who) {
  service.on(name, {.retry = {.immediate = 10'000, .delayed = 0}},
             [stones, who](const Command& command, Context& context, Transaction& tx) -> Result<> {
               const auto is_there = stones->undo(tx, context.envelope().id);
               if (!is_there) return is_there.error();
               // What was admitted may have been refused.
               if (*is_there)
                 if (auto done = tx.execute("insert into effects(who, order_id, what) select who, order_id, 'undone' "
                                            "from effects where who = $1 and order_id = $2 and what = 'done'",
                                            who, command.order_id);
                     !done)
                   return done.error();
               return context.publish(Answer{command.order_id});
             });
}

void serve_stock(Service& service, const std::shared_ptr<Tombstones>& stones) {
  on_command<Reserve>(service, "reserve", stones,
                      [](const Reserve& command, Context& context, Transaction& tx) -> Result<> {
                        const auto fate = fate_of(command.fate);
                        // One that was refused has no effect, which its compensation must then see.
                        if (fate == Fate::refused_unanswered) return {};
                        if (fate == Fate::out_of_stock) return context.publish(Rejected{command.order_id});
                        if (auto done = write(tx, "stock", command.order_id, "done"); !done) return done;
                        if (fate == Fate::unanswered) return {};
                        return context.publish(Reserved{command.order_id});
                      });
  on_compensation<Release, Released>(service, "release", stones, "stock");
  // It is never undone: that it is done once is the inbox's alone, also where it is sent again.
  service.on("ship", {.retry = {.immediate = 10'000, .delayed = 0}},
             [](const Ship& command, Context& context, Transaction& tx) -> Result<> {
               if (auto done = write(tx, "shipping", command.order_id, "done"); !done) return done;
               return context.publish(Shipped{command.order_id});
             });
}

void serve_payments(Service& service, const std::shared_ptr<Tombstones>& stones) {
  on_command<Charge>(service, "charge", stones,
                     [](const Charge& command, Context& context, Transaction& tx) -> Result<> {
                       if (fate_of(command.fate) == Fate::declined) return context.publish(Declined{command.order_id});
                       if (auto done = write(tx, "payments", command.order_id, "done"); !done) return done;
                       return context.publish(Charged{command.order_id});
                     });
  on_compensation<Refund, Refunded>(service, "refund", stones, "payments");
}

}  // namespace

int service_process(int count, char** arguments) {
  if (count != 6) return 2;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  const std::string name = arguments[2];
  const std::string store_url = arguments[4];
  auto service = Service::create({.name = name,
                                  .broker_url = std::string("log:") + arguments[3] + "/log",
                                  .store_url = store_url,
                                  .settings = {{"outbox.lease", "1s"}},
                                  .log = &stderr_log(LogLevel::error)})
                     .or_throw();
  const auto seed = std::strtoull(arguments[5], nullptr, 10);
  if (seed != 0)
    service.use("dies",
                [chance = std::make_shared<std::mt19937_64>(seed),
                 mutex = std::make_shared<std::mutex>()](DeliveryCall& call) -> Result<> {
                  auto done = call.next();
                  const std::scoped_lock lock(*mutex);
                  if (done && (*chance)() % 40 == 0) ::kill(::getpid(), SIGKILL);
                  return done;
                });
  if (name == "orders") {
    service.saga(order(), {.retry = {.immediate = 10'000, .delayed = 0}});
    return service.run();
  }
  // Killed between any two of these, the next one finds what is missing.
  while (true) {
    auto made = apply_schema(*service.store());
    if (made) {
      auto tx = service.store()->begin(10s);
      if (tx &&
          (*tx)->execute("create table if not exists effects(who text not null, order_id text not null, what "
                         "text not null)") &&
          (*tx)->commit())
        break;
    }
    std::this_thread::sleep_for(10ms);
  }
  const auto stones = std::make_shared<Tombstones>(*service.store());
  if (name == "stock")
    serve_stock(service, stones);
  else
    serve_payments(service, stones);
  // Some are only come to once nobody waits for them any more, and their compensation has overtaken them.
  service.use("late", [](DeliveryCall& call) -> Result<> {
    if (call.context().envelope().payload.find("\"fate\":" + std::to_string(static_cast<int>(Fate::late))) !=
        std::string_view::npos)
      std::this_thread::sleep_for(2500ms);
    return call.next();
  });
  return service.run();
}

}  // namespace tidings::saga::torture
