#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "showing.hpp"
#include "tidings/base/result.hpp"
#include "tidings/saga/instance.hpp"

// What the command line says, as plain values: main.cpp parses, the other files do.
namespace tidings::cli {

/// Exit statuses.
inline constexpr int done = 0;
inline constexpr int failed = 1;
inline constexpr int wrong_usage = 2;

struct Common {
  std::string broker = "log:./tidings-data";
  std::string name_space;
  bool json = false;
  std::string keys_file;        ///< to open what is sealed; empty: as the environment says
  bool shows_redacted = false;  ///< also what classes of events mark as redacted
  Showing showing{};            ///< of these, once `with_showing` has made it; until then all is masked
};
/// `common` with `showing`. Errors: those of keys.
[[nodiscard]] Result<Common> with_showing(Common common);

struct PublishArguments {
  std::string topic;
  std::string file = "-";
  std::string type;
  std::uint32_t type_version = 1;
  std::string source = "tidings";
  std::string key;
  std::string key_field;
  std::vector<std::string> headers;
  bool acks = false;
  std::string durability;
  std::uint32_t partitions = 0;
};
int publish(const Common& common, const PublishArguments& arguments);

struct TailArguments {
  std::string topic;
  std::string group;
  std::string from;
  std::optional<std::uint64_t> count;
  bool follow = true;
  bool waits = false;
};
int tail(const Common& common, const TailArguments& arguments);

struct TopicArguments {
  std::string topic;
  std::uint32_t partitions = 0;
  std::string durability;
  std::string event_bytes_max;  ///< empty: the default
  std::string retain_bytes;     ///< empty: as it is
  std::string retain_age;
  std::optional<bool> wait_for_groups;
  bool yes = false;
};
int create_topic(const Common& common, const TopicArguments& arguments);
int alter_topic(const Common& common, const TopicArguments& arguments);
int delete_topic(const Common& common, const TopicArguments& arguments);

struct SeekArguments {
  std::string topic;
  std::string group;
  std::string to;
  std::string store;    ///< of the group's service; empty: not looked at
  bool replay = false;  ///< what comes again takes effect again
};
int seek(const Common& common, const SeekArguments& arguments);

struct TraceArguments {
  std::string id;
  std::string from = "earliest";
};
int trace(const Common& common, const TraceArguments& arguments);

struct WhyArguments {
  std::string id;
  std::vector<std::string> stores;
  bool ask = false;  ///< the services too
};
int why(const Common& common, const WhyArguments& arguments);

struct DashboardArguments {
  std::string listen = "127.0.0.1:7077";
  std::vector<std::string> stores;
  bool allow_actions = false;
  std::string token_file;  ///< empty: no token is asked for
  std::string certificate_file, key_file;
  std::string audit_log;
  bool open = false;    ///< in a browser
  std::string version;  ///< of this program
};
int dashboard(const Common& common, const DashboardArguments& arguments);

struct TopArguments {
  bool once = false;
};
int top(const Common& common, const TopArguments& arguments);

struct GroupArguments {
  std::string topic;
  std::string group;
};
int delete_group(const Common& common, const GroupArguments& arguments);

struct ListArguments {
  std::string topic;
};
int topics(const Common& common, const ListArguments& arguments);
int groups(const Common& common, const ListArguments& arguments);
int lag(const Common& common, const ListArguments& arguments);

struct DeadLetterArguments {
  std::string id;     ///< `show`: of the event
  std::string group;  ///< empty: all
  std::optional<std::string> key;
  std::optional<std::string> code;
  std::string older_than;
  std::string newer_than;
  std::string deadline = "30s";
  bool only_first = false;
  bool all = false;
  bool dry_run = false;
  bool wait = true;
};
int list_dead_letters(const Common& common, const DeadLetterArguments& arguments);
int show_dead_letters(const Common& common, const DeadLetterArguments& arguments);
int redrive(const Common& common, const DeadLetterArguments& arguments);
int drop(const Common& common, const DeadLetterArguments& arguments);

struct SagaArguments {
  std::string store;
  std::string schema;
  std::string prefix = "tidings_";
  std::string type;  ///< `list`: of all, where empty
  std::string id;
  std::string status;
  std::uint64_t count = 100;
  bool diagram = false;
  std::string dialect;  ///< `schema --sql`
  bool apply = false;
};
int saga_schema(const SagaArguments& arguments);
int list_sagas(const Common& common, const SagaArguments& arguments);
int show_saga(const Common& common, const SagaArguments& arguments);
int steer_saga(const Common& common, const SagaArguments& arguments, saga::Steering steering);

struct ProjectionArguments {
  std::string store;
  std::string schema;
  std::string prefix = "tidings_";
};
int list_projections(const Common& common, const ProjectionArguments& arguments);

struct OutboxArguments {
  bool notify = false;  ///< PostgreSQL tells relays of commits
  std::string store;
  std::string schema;
  std::string prefix = "tidings_";
  bool rate = false;    ///< `status`
  std::string dialect;  ///< `schema`; empty: the store's
  bool sql = false;
  bool apply = false;
  int attempts_max = 8;     ///< `relay`
  std::string archive_for;  ///< likewise; empty: what is sent is not kept
  bool follow = true;
  std::string topic;  ///< of held keys; empty: all
  std::optional<std::string> key;
  std::optional<std::int64_t> row;
  std::string code;
  bool all = false;
  bool dry_run = false;
  bool yes = false;
};
int outbox_status(const Common& common, const OutboxArguments& arguments);
int outbox_schema(const OutboxArguments& arguments);
int outbox_relay(const Common& common, const OutboxArguments& arguments);
int outbox_list(const Common& common, const OutboxArguments& arguments);
int outbox_redrive(const Common& common, const OutboxArguments& arguments);
int outbox_drop(const Common& common, const OutboxArguments& arguments);

struct PauseArguments {
  std::string target;  ///< empty: list what is paused
  std::string deadline = "10s";
  bool pauses = true;  ///< else it has them go on
};
int pause(const Common& common, const PauseArguments& arguments);

struct VerifyArguments {
  std::string folder;  ///< empty: the broker's
  bool repair = false;
};
int verify(const Common& common, const VerifyArguments& arguments);

struct InspectArguments {
  std::string folder;  ///< empty: the broker's
};
int inspect(const Common& common, const InspectArguments& arguments);

struct BridgeArguments {
  std::string from;
  std::string to;
  std::string name = "bridge";
  std::vector<std::string> topics;   ///< none: all
  std::vector<std::string> carried;  ///< groups: carried over, and nothing is mirrored
  std::uint32_t partitions = 0;
  bool follow = true;
};
int bridge(const Common& common, const BridgeArguments& arguments);

struct DescribeArguments {
  enum class As { flow, steps, sagas, asyncapi, mermaid, dot };
  std::vector<std::string> programs;
  std::string folder;   ///< with descriptions that were saved; empty: none
  std::string broker;   ///< that is asked, too; empty: none
  std::string handler;  ///< of `steps`; empty: all
  std::string deadline = "30s";
  As as = As::flow;
  std::string schema;      ///< of this event, or `all`; empty: none
  std::string explained;   ///< an event; empty: none
  bool verifies = false;   ///< against what `guarantees` declares
  std::string guarantees;  ///< empty: tidings.toml
};
int describe(const Common& common, const DescribeArguments& arguments);

struct ScaffoldArguments {
  std::string name;  ///< `new`: of the service, empty where it is to be asked; `capabilities`: the one that is shown
  std::vector<std::string> with;     ///< `new`, and what `add` adds
  std::vector<std::string> without;  ///< of those that every new project has
  std::string layout = "layered";
  bool has_layout = false;           ///< `new`: it was said
  std::string into;                  ///< folder of the project
  std::vector<std::string> folders;  ///< of more capabilities
  std::vector<std::string> kept;     ///< `add`: files that stay as they are
  bool asks = false;                 ///< `new`: nothing was said, and there is somebody to ask
  bool is_bare = false;              ///< `new`: nothing was said, and there is nobody
  bool dry_run = false;
  bool markdown = false;
};
int scaffold_new(const Common& common, const ScaffoldArguments& arguments);
int scaffold_add(const Common& common, const ScaffoldArguments& arguments);
int capabilities(const Common& common, const ScaffoldArguments& arguments);

struct CheckArguments {
  std::vector<std::string> folders;       ///< none: the current one
  std::vector<std::string> capabilities;  ///< folders of more capabilities
  std::string compile_commands;
  std::string reference;  ///< `--diff`; empty: all lines
  bool staged = false;
  std::optional<std::string> sarif;  ///< a file, or `-`
  bool update_schemas = false;
  bool list_rules = false;
  bool markdown = false;
  std::string explain;
  std::string version;  ///< of this program
};
int check_project(const Common& common, const CheckArguments& arguments);

struct DemoArguments {
  std::string orders;
  double rate = -1;  ///< orders a second; below 0: the default
  std::uint64_t count = 1200;
  std::uint64_t repeat = 1;
  std::uint64_t seed = 1;
  std::optional<std::uint64_t> stock;
  double cancel_rate = 0.03;   ///< part of the orders, as the two below
  double decline_rate = 0.02;  ///< whose payment is declined
  double silent_rate = 0.005;  ///< or never answered
  std::string kill = "analytics";
  std::uint64_t chaos = 0;            ///< so many kills of whoever, instead of one
  std::optional<std::string> broker;  ///< not given: a log in a fresh directory
  std::optional<std::string> store;   ///< not given: files
  std::string keep;
  bool check = false;
  bool json = false;
  bool has_dashboard = true;                    ///< unless it is for programs: `json`
  std::optional<std::uint16_t> dashboard_port;  ///< not given: 7077, or any that is free
  std::string version;                          ///< of this program
};
int demo(const DemoArguments& arguments);

}  // namespace tidings::cli
