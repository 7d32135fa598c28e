#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>
#include <vector>

#include "causes.hpp"
#include "commands.hpp"
#include "dashboard/access.hpp"
#include "dashboard/audit_log.hpp"
#include "dashboard/collector.hpp"
#include "dashboard/databases.hpp"
#include "dashboard/flow.hpp"
#include "dashboard/letters.hpp"
#include "dashboard/tail.hpp"
#include "describe/json_tree.hpp"

namespace tidings::cli {

/// What all that the dashboard answers with is made of. Everything here outlives the server.
struct DashboardState {
  Broker& broker;
  const Common& common;
  const DashboardArguments& arguments;
  Clock& clock;
  Collector& collector;
  Sources& sources;
  LetterBoard& letters;
  Databases& databases;
  AuditLog& audit;
  TimePoint started{};
};

/// The answers of `/api/v1/…`, in the contract's order. Thread-safe.
class Api {
 public:
  explicit Api(DashboardState state) : in_(state) {}
  ~Api() { stop(); }
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// Adds all of its routes.
  void serve(ops::HttpServer& server);
  /// To who listens, after a look.
  void tell_listeners();
  /// Ends what it has begun.
  void stop();

 private:
  struct Listener {
    ops::HttpStream stream;
    std::size_t window = 0;
    SteadyTime flow_told{};
  };
  using Answer = Result<std::string>;

  [[nodiscard]] std::string session() const;
  [[nodiscard]] std::string overview(std::size_t window);
  [[nodiscard]] std::string flow();
  ops::HttpAnswer begin_listening(const ops::HttpRequest& request, const ops::HttpStream& stream);
  ops::HttpAnswer begin_tail(const ops::HttpRequest& request, const ops::HttpStream& stream);
  [[nodiscard]] Result<EventFilter> filter_of(const Query& query) const;

  Answer events(const Query& query);
  Answer event(const Query& query);
  Answer chain(const Query& query);
  using LetterEnds = std::map<std::pair<std::string, DeadLetterPlace>, DeadLetterEnd>;  // by group
  LetterEnds ends_of_letters(const Observation& seen, const std::vector<Seen>& chain,
                             const std::function<bool()>& goes_on);
  Answer group(const Query& query);
  Answer letters(const Query& query);
  Answer letter_list(const Query& query);
  Answer letter_progress(const Query& query);
  Answer sagas(const Query& query);

  /// An action's outcome, as the audit log has it, and its answer.
  Answer publish(const JsonTree& body);
  Answer pause(const JsonTree& body);
  Answer seek(const JsonTree& body);
  Answer drive_letters(const JsonTree& body);
  Answer drive_outbox(const JsonTree& body);
  Answer steer_saga(const JsonTree& body);
  using Act = Answer (Api::*)(const JsonTree&);
  struct Action {
    std::string name;
    std::vector<std::string_view> members;  ///< that a request may have
    Act call;
  };
  ops::HttpAnswer act(const ops::HttpRequest& request, const Action& action);

  DashboardState in_;
  Tails tails_;

  std::mutex listeners_mutex_;
  std::vector<Listener> listeners_;

  std::mutex cache_mutex_;
  struct Cached {
    std::uint64_t number = 0;
    std::string json;
  };
  Cached overviews_[std::size(Series::windows)];
  Cached flow_;

  std::mutex requests_mutex_;
  std::map<std::string, std::shared_ptr<DeadLetters>> requests_;
  std::vector<std::string> requests_order_;
  std::mutex chains_mutex_;
  static constexpr std::ptrdiff_t pauses_max = 2;  ///< at once, of the threads that answer all
  std::counting_semaphore<pauses_max> pauses_{pauses_max};
};

}  // namespace tidings::cli
