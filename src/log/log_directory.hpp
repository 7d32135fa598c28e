#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "log/deaths.hpp"
#include "log/group_file.hpp"
#include "log/partition_log.hpp"
#include "tidings/base/durability.hpp"

namespace tidings::log {

/// What a topic was made with, as `topic.meta` keeps it.
struct TopicMeta {
  std::uint32_t partitions = 1;
  Durability durability = Durability::durable;
  std::uint64_t event_bytes_max = 1 << 20;
  Keeping keeping{};  ///< when the topic was opened; it may change: `TopicLog::keeping`
};

/// How often at most, and at least, a process looks whether events are too old; tests have no time for that.
struct AgeingPace {
  std::atomic<Duration> least{std::chrono::seconds{1}};
  std::atomic<Duration> most{std::chrono::minutes{1}};
};
inline AgeingPace ageing_pace;
/// What the topics of a log share.
struct LogShared {
  std::shared_ptr<Slots> slots;
  std::shared_ptr<Background> background = nullptr;
  std::shared_ptr<SegmentCache> segments = nullptr;
  std::shared_ptr<FolderBudget> folders = nullptr;
};

/// The handle on one topic. Thread-safe. Opens its partitions when they are first used.
class TopicLog {
 public:
  /// Null where there is no topic of that name. Error `not_found` where it is being deleted, and those of `File`.
  static Result<std::shared_ptr<TopicLog>> open(std::shared_ptr<Directory> log, const std::string& name,
                                                const LogShared& shared, Clock& clock, LogSink& sink);

  TopicLog(std::string name, const TopicMeta& meta, std::shared_ptr<Directory> log,
           std::unique_ptr<Directory> directory, const LogShared& shared, std::shared_ptr<TopicWake> wake, FileId id,
           Clock& clock, LogSink& sink);
  /// Waits for what goes on behind.
  ~TopicLog();
  TopicLog(const TopicLog&) = delete;
  TopicLog& operator=(const TopicLog&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const TopicMeta& meta() const { return meta_; }
  /// `wait_max` bounds the wait for another process that recovers the partition; other partitions do not wait. From the
  /// first one on the topic cannot be deleted. Error `unknown_topic` (never) where it was before, and those of
  /// `PartitionLog::open`.
  Result<PartitionLog*> partition(std::uint32_t number, Duration wait_max = std::chrono::seconds{30});
  [[nodiscard]] TopicWake& wake() const { return *wake_; }
  [[nodiscard]] std::shared_ptr<Deaths> deaths() const { return Deaths::of(slots_, *setting_.log); }
  [[nodiscard]] bool is_forked() const { return slots_->is_forked(); }
  /// By whoever: it is not to be used any more.
  [[nodiscard]] bool is_deleted() const { return wake_->is_deleted(); }

  /// Errors: those of `GroupFile::open`; `unknown_topic` (never) where the topic was deleted and nothing is left of it.
  Result<GroupFile> group(const std::string& name, bool create);
  /// As `GroupFile::open_to_move`, likewise.
  Result<GroupFile> group_to_move(const std::string& name);
  Result<std::vector<std::string>> groups();
  /// Deletes a group, a damaged one too; what is old and only it had not settled goes. Errors: `group_active` (same
  /// call) where it has members, `not_found`.
  Result<> remove_group(const std::string& name);

  /// As it is now; other processes may have changed it. Error `unknown_topic` (never) where it was deleted.
  Result<Keeping> keeping();
  /// Changes it, for all, and removes what is too old by it.
  Result<> keep(const Keeping& keeping);
  /// For whoever comes by: another process may have changed it, and events have to go from now on as they get old.
  void notice_keeping() {
    if (wake_->keepings() != keepings_known_.load(std::memory_order_relaxed)) [[unlikely]]
      look_at_age_later();
  }

  /// Syncs what was committed and not synced, in the partitions that are open.
  void sync_behind();

 private:
  Result<bool> was_deleted();
  [[nodiscard]] Error deleted() const;
  template <class T>
  Result<T> unless_deleted(Result<T> done);
  void remove_old(PartitionLog& partition, std::uint32_t number);
  void look_at_age_later();
  Duration look_at_age();
  /// Before it, every group has settled everything.
  Result<std::uint64_t> settled_by_all(PartitionLog& partition, std::uint32_t number);

  std::string name_;
  TopicMeta meta_;
  std::shared_ptr<Directory> log_;
  std::unique_ptr<Directory> directory_;
  std::shared_ptr<const void> is_folder_kept_;
  std::shared_ptr<Slots> slots_;
  std::shared_ptr<TopicWake> wake_;
  FileId id_;  // of its `control`, which is mapped: nothing else has it meanwhile
  PartitionSetting setting_;
  std::atomic<std::uint32_t> keepings_known_;
  std::mutex mutex_;
  std::vector<std::atomic<PartitionLog*>> known_;          // of `partitions_`, to be looked at without the mutex
  std::vector<std::unique_ptr<PartitionLog>> partitions_;  // last: their end waits for what still goes on behind
};

/// A log: a directory of topics. Thread-safe; any number of processes open the same one.
class LogDirectory {
 public:
  struct Options {
    bool create = true;            ///< the folder where it is not there, and a log in one that is none
    bool any_file_system = false;  ///< also such as other machines may write to: then nothing is promised
    Clock* clock = &system_clock();
    LogSink* log = &stderr_log();
    FileSystem* files = &system_files();
    std::shared_ptr<FolderBudget> folders = std::make_shared<FolderBudget>();  ///< none: all are kept open
  };
  /// Errors: `unsupported_file_system`, `foreign_owner` (never: the folder belongs to another user), `not_a_log`
  /// (never: without `create`), and those of `File`.
  static Result<std::unique_ptr<LogDirectory>> open(const std::string& path, const Options& options);
  LogDirectory(std::shared_ptr<Directory> directory, std::shared_ptr<Slots> slots, const Options& options)
      : directory_(std::move(directory)), shared_{.slots = std::move(slots)}, options_(options) {
    shared_.background = std::make_shared<Background>();
    shared_.segments = std::make_shared<SegmentCache>(shared_.background);
    shared_.folders = options.folders;
  }

  /// One that is open in this process already, else null: of any text, since nothing is looked for by it.
  std::shared_ptr<TopicLog> known(std::string_view topic);
  /// Null where there is none. Errors as `TopicLog::open`.
  Result<std::shared_ptr<TopicLog>> find(std::string_view topic);
  /// Makes the topic; one that is there already is left as it is. Error `exists` (never) where something stands in its
  /// place that is no topic.
  Result<std::shared_ptr<TopicLog>> create(const std::string& topic, const TopicMeta& meta);
  /// Removes the topic with all its events and groups; then syncs the folder. What a process that dies in it leaves has
  /// no topic's name, and goes with the next one that is removed. Error `busy` (same call) where anybody has it open,
  /// or is a member of one of its groups: nothing is changed then. Error `unknown_topic` (never).
  Result<> remove(const std::string& topic);
  /// The names of the topics, sorted: damaged ones too, but nothing else that lies in the directory.
  Result<std::vector<std::string>> topics();
  [[nodiscard]] bool is_forked() const { return shared_.slots->is_forked(); }

 private:
  /// A topic without a name, made whole; returns the folder's.
  Result<std::string> make_draft(const std::string& topic, const TopicMeta& wanted);

  std::shared_ptr<Directory> directory_;
  LogShared shared_;
  Options options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<TopicLog>, std::less<>> open_;
};

}  // namespace tidings::log
