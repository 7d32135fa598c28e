#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "log/background.hpp"
#include "log/control.hpp"
#include "log/folders.hpp"
#include "log/index_draft.hpp"
#include "log/segment.hpp"
#include "log/segment_cache.hpp"
#include "log/syncs.hpp"
#include "log/topic_wake.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/base/retention.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::log {

/// As a topic keeps it.
using Keeping = Retention;

class PartitionLog;

/// What the partitions of a topic share.
struct PartitionSetting {
  bool durable = true;  ///< readers stop at the durable offset, and segments are written so that syncs are cheap
  std::uint64_t segment_bytes_first = 1 << 20;
  std::uint64_t segment_bytes_max = 64 << 20;
  Clock* clock = &system_clock();
  LogSink* log = &stderr_log();
  std::uint64_t index_every = index_every_bytes;     ///< segments that are not longer than two of it have no index
  Directory* above = nullptr;                        ///< the log, in which the topic's folder stands
  std::shared_ptr<SegmentCache> segments = nullptr;  ///< of all that the log has open; none: the partition has its own
  std::shared_ptr<Background> background = nullptr;  ///< none: what it would do is done where it is due at the latest
  std::shared_ptr<FolderBudget> folders = nullptr;   ///< none: it keeps its own open
  std::function<void(PartitionLog&)> after_roll = nullptr;  ///< in the background, when a segment was sealed
  /// So long a sync of another process is waited for before what it syncs is written anew; four times that where nobody
  /// waits for a sync.
  Duration stopped_after = std::chrono::seconds{1};
};

/// One partition: a sequence of frames in segments, written by one process at a time, read by all. Thread-safe.
class PartitionLog {
 public:
  /// Opens, or creates, `<topic>/<number>/`; after a reboot recovers it first. `wait_max` bounds the wait for another
  /// process that does. `topic` outlives it where `setting` has a budget of folders. Errors: `corrupt`,
  /// `newer_version`, `busy`, and those of `File`.
  static Result<std::unique_ptr<PartitionLog>> open(Directory& topic, std::uint32_t number,
                                                    std::shared_ptr<Slots> slots, std::shared_ptr<TopicWake> wake,
                                                    const PartitionSetting& setting,
                                                    Duration wait_max = std::chrono::seconds{30});

  /// Appends all of them contiguously: readers, and recovery, see all or none. Returns the offset of the first.
  /// Survives the death of any process. Errors (nothing was written): `busy`, `disk_full` (same call), `poisoned`,
  /// `io_error` (reopen).
  Result<std::uint64_t> append(std::span<const EnvelopeView* const> events, Duration wait_max);
  /// The same for a producer: those of its events that were appended before, by whatever process, are not appended
  /// again, and none is where its epoch has a successor; the answer says which. `sequences` are those of the events,
  /// ascending.
  struct ProducerId {
    std::uint64_t id = 0;
    std::uint32_t epoch = 0;
  };
  struct Once {
    std::uint64_t first = 0;  ///< offset of the first event that was appended now
    std::uint64_t end = 0;    ///< every event of the call stands before it
    ProducerTable::Judgement before;
  };
  Result<Once> append_once(std::span<const EnvelopeView* const> events, const ProducerId& producer,
                           std::span<const std::uint64_t> sequences, Duration wait_max);
  /// Waits until everything before `end` is on the device; whoever waits syncs for all. Errors: `outcome_unknown` (same
  /// call).
  Result<> sync_to(std::uint64_t end, Duration wait_max);

  /// One past the last event that readers may see.
  [[nodiscard]] std::uint64_t visible_end() const;
  [[nodiscard]] std::uint64_t committed() const { return control().committed.load(std::memory_order_acquire); }
  /// Raised by each recovery; what is appended now carries it.
  [[nodiscard]] std::uint32_t epoch() const { return control().epoch.load(std::memory_order_acquire); }
  /// Another number where segments may have been written anew, to other files, and events behind that: what was mapped
  /// before holds up to the end as it was then.
  [[nodiscard]] std::uint32_t faults() const { return control().faults.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t durable() const { return control().durable.load(std::memory_order_acquire); }
  Result<std::uint64_t> earliest();
  /// The same; error `corrupt` (never) where events in front of it are missing that retention did not remove.
  Result<std::uint64_t> earliest_if_none_is_lost();
  /// The first event appended at or after `time`; the visible end where there is none.
  Result<std::uint64_t> first_at(TimePoint time);
  /// How much of `position`, which was noted in `epoch`, still holds: a power cut may have taken back events before it,
  /// which others have replaced in a later epoch. Then the offset of the first of those, or the end.
  Result<std::uint64_t> what_holds(std::uint64_t position, std::uint32_t epoch);

  /// Removes the oldest sealed segments as `keeping` says, of which all events lie before `keep_from`. Readers keep
  /// what they have in hand; the next they ask for is `removed`. Returns how many segments went.
  Result<std::size_t> remove_old(const Keeping& keeping, std::uint64_t keep_from);
  /// Whether there is an event from before `oldest`: the first, that is.
  Result<bool> has_older(TimePoint oldest);
  /// The segment that is written is never removed: where its first event is older than `age`, another is begun. Error
  /// `busy` (same call), and those of `append`.
  Result<> roll_old(Duration age);

  /// The segment that holds `offset`, or would. Errors: `removed` (same call) where its events are gone by retention,
  /// `corrupt`.
  Result<std::shared_ptr<Segment>> segment_of(std::uint64_t offset);
  /// What took its place, after a sync of it failed: the same frames at the same places, and those behind them. Null
  /// where nothing did.
  Result<std::shared_ptr<Segment>> segment_anew(const Segment& old);
  /// Where a scan of `segment` for `offset`, which lies in it, begins; of one that is sealed about 16 KiB before it, at
  /// most. A checked frame stands there.
  IndexPlace place_before(const std::shared_ptr<Segment>& segment, std::uint64_t offset);
  /// The same for the first event that was appended at or after `time`.
  IndexPlace place_before(const std::shared_ptr<Segment>& segment, TimePoint time);
  [[nodiscard]] const PartitionSetting& setting() const { return setting_; }
  [[nodiscard]] const std::string& path() const { return directory_->path(); }

  PartitionLog(std::unique_ptr<Directory> directory, Mapping control, std::shared_ptr<Slots> slots,
               std::shared_ptr<TopicWake> wake, const PartitionSetting& setting);
  ~PartitionLog();
  PartitionLog(const PartitionLog&) = delete;
  PartitionLog& operator=(const PartitionLog&) = delete;

 private:
  /// Where the frames of a partition end.
  struct End {
    std::shared_ptr<Segment> segment;  // none: there is no segment yet
    std::uint64_t offset = 0;
    std::uint64_t position = 0;
    std::int64_t time = 0;
    std::uint32_t epoch = 0;
    bool sealed = false;
    std::vector<std::shared_ptr<Segment>> passed;  // sealed ones on the way here
  };

  static Result<std::unique_ptr<PartitionLog>> open_whole(Directory& topic, std::uint32_t number,
                                                          std::shared_ptr<Slots> slots, std::shared_ptr<TopicWake> wake,
                                                          const PartitionSetting& setting, Duration wait_max);
  Result<> let_go_of_folder(Directory& topic, std::uint32_t number);
  [[nodiscard]] Control& control() const { return *reinterpret_cast<Control*>(control_.data()); }
  Result<> recover(File& control_file, const std::array<char, 40>& boot);
  Result<End> recover_segments(const std::vector<std::uint64_t>& firsts, std::uint32_t& epoch);
  /// Of a chain that was not synced whole the rest may be missing, or anything.
  enum class Chain { synced, unsynced };
  /// What this process last wrote, or saw to fit the segments.
  struct Place {
    std::uint64_t segment = 0;
    std::uint64_t position = 0;
    std::uint64_t committed = 0;
    bool operator==(const Place&) const = default;
  };
  Result<End> find_end(const Place& from, Chain chain = Chain::synced);
  Result<End> find_end(std::uint64_t segment, Chain chain = Chain::synced) {
    return find_end({segment, sizeof(SegmentHeader), segment}, chain);
  }
  Result<> clean_tail(const End& end);
  Result<> clean_segment(std::uint64_t first, const End& end, std::uint32_t epoch);
  Result<> refuse_if_proven(const Segment& segment, std::uint64_t begin, std::uint64_t used, const End& end);
  Result<std::string> quarantine(std::string name, std::span<const std::byte> bytes);
  Result<> settle_end(const End& end);
  void remove_segment_drafts();
  Result<> repair();
  bool is_plausible();
  Result<> verify();
  void publish_end(const End& end);
  Result<std::shared_ptr<Segment>> open_written(std::uint64_t first);
  Result<std::shared_ptr<Segment>> written_segment(std::uint64_t first, bool is_begun);
  void keep_written(std::shared_ptr<Segment> segment);
  Result<Segment*> segment_with_room(std::uint64_t bytes);
  Result<Segment*> writing_segment(std::uint64_t first, bool is_begun);
  Result<> zero_ahead(Segment& segment, std::uint64_t end);
  Result<std::shared_ptr<Segment>> make_next(const Segment* from, std::uint64_t bytes,
                                             std::optional<std::uint64_t> wanted);
  /// Of `size`, or as large as the last one's gives it.
  Result<Segment*> roll(std::uint64_t bytes, std::optional<std::uint64_t> size = std::nullopt);
  Result<bool> remove_before_empty(std::uint64_t first, std::uint64_t next, TimePoint oldest);
  [[nodiscard]] bool has_no_event() const { return control().position.load() <= sizeof(SegmentHeader); }
  Result<> write_seal(Segment& segment, std::uint64_t position, const std::array<std::byte, seal_bytes>& seal);
  void mark_dirty(std::uint64_t end);
  Result<std::vector<std::uint64_t>> list_segments();
  Result<> sync_committed(SteadyTime until);
  Result<> sync_sealed(SteadyTime until);
  Result<> sync_segment(File& file, std::uint64_t first, SteadyTime until);
  Result<> sync_names();
  Result<> be_sure(SteadyTime until);
  Result<std::optional<SteadyTime>> look_at_unsure();
  Result<> look_before_writing();
  /// Inside, of who is to call `be_sure` without the writer lock, and to try again.
  static constexpr std::string_view unsure_code = "unsure";
  Error give_up_waiting(std::uint32_t faults);
  /// What is opened by its name from now on was there, or took its place, when the faults came to this.
  [[nodiscard]] std::uint32_t files_of() const;
  Result<> tell_synced(std::uint64_t end, std::uint64_t segment, std::uint32_t faults);
  /// Of a writer, who keeps the others waiting.
  static SteadyTime sync_deadline() { return std::chrono::steady_clock::now() + std::chrono::seconds{5}; }
  static bool is_fault(std::uint32_t faults) { return faults % 2 == 1; }
  Error poison(std::string_view why);
  void forget_replaced(std::uint32_t faults);
  Result<> settle_faults();
  void settle_files(std::uint32_t faults);
  static constexpr int anew_max = 8;  // so often one call does it, where others fail meanwhile
  Result<> write_anew_where_needed(SteadyTime until);
  Result<> write_anew();
  struct Anew {
    std::uint64_t end = 0;
    bool is_sealed = true;
  };
  Result<Anew> write_anew(std::uint64_t first);
  Result<> know_segments();
  Result<std::uint64_t> first_there_at(TimePoint time);
  Result<std::optional<std::uint64_t>> segment_before(TimePoint time, std::uint64_t end);
  Result<> learn_first_time(std::uint64_t first);
  void keep_sought(const std::shared_ptr<Segment>& segment);
  void forget_sought(std::uint32_t faults);
  template <class Wanted>
  IndexPlace find_place(const std::shared_ptr<Segment>& segment, Wanted wanted);
  [[nodiscard]] bool is_indexable(const Segment& segment) const;
  std::optional<Mapping> read_index(const Segment& segment);
  bool adopt_index(Segment& segment);
  std::vector<IndexPlace> make_index(const Segment& segment);
  void write_index(std::uint64_t first, std::span<const std::byte> bytes);
  void index_sealed();
  Result<> remove_segment(std::uint64_t first);
  Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> known_sizes(std::span<const std::uint64_t> firsts);
  void work_behind();
  [[nodiscard]] Error removed(std::uint64_t offset) const;
  template <class Act>
  std::invoke_result_t<Act> as_writer(Duration wait_max, Act act);
  template <class Act>
  std::invoke_result_t<Act> as_writer_once(Duration wait_max, Act& act);
  Result<> do_as_writer(const std::function<Result<>()>& act);
  Result<> ready_to_write(bool inherited);
  Result<std::uint64_t> append_locked(std::span<const EnvelopeView* const> events, const ProducerId& producer,
                                      std::span<const std::uint64_t> sequences);
  void announce_appended();
  /// What one append writes, as one batch.
  struct Batch {
    std::span<const EnvelopeView* const> events;
    std::span<const std::uint64_t> sequences;           // none: nobody counts them
    std::span<const ProducerTable::Entry> producers{};  // in front of the events
  };
  static void put_frames(std::byte* at, const Batch& batch, FrameStamp stamp, std::uint64_t salt);
  [[nodiscard]] std::uint64_t state_bytes() const { return producers_bytes(producers_.size()); }
  bool learn_frame(const Segment& segment, std::uint64_t position);
  Result<> learn_producers(const Segment& segment, std::uint64_t end);
  Result<> learn_producers_before(std::uint64_t segment);
  Result<> clear(Segment& segment, std::uint64_t begin, std::uint64_t end);

  std::unique_ptr<Directory> directory_;
  std::shared_ptr<const void> is_folder_kept_;
  std::unique_ptr<File> openers_;  // the topic's `openers.lock`, of which a byte is held while this lives
  std::uint64_t opener_ = 0;       // which one
  Mapping openers_kept_;           // in place of the file
  Mapping control_;
  std::shared_ptr<Slots> slots_;
  std::shared_ptr<TopicWake> wake_;
  PartitionSetting setting_;

  // Under the writer lock, which is one between threads too: all down to `producers_`.
  std::vector<std::byte> buffer_;
  std::shared_ptr<Segment> writing_;      // the segment that was written last
  bool is_writing_kept_ = false;          // it has events, and is what `written_` was meant to be
  std::atomic<bool> has_rolled_ = false;  // there is something for the background
  [[nodiscard]] Place place() const {
    return {control().segment.load(std::memory_order_relaxed), control().position.load(std::memory_order_relaxed),
            control().committed.load(std::memory_order_acquire)};
  }
  std::optional<Place> seen_;
  std::uint32_t seen_faults_ = 0;  // in which all of this was so
  IndexDraft index_draft_;         // where there is a background to write it
  ProducerTable producers_;        // of all events before `seen_`

  std::shared_ptr<SegmentCache> segments_;
  std::mutex segments_mutex_;
  std::vector<std::uint64_t> firsts_;                  // of the segments known, ascending
  std::map<std::uint64_t, std::int64_t> first_times_;  // of their first events, as they were asked for
  std::map<std::uint64_t, std::weak_ptr<Segment>> open_;
  std::size_t open_looked_at_ = 16;   // so many, before those that are not open any more are taken out
  std::uint32_t sought_faults_ = 0;   // in which what is in `open_`, and kept by `segments_`, was opened
  std::shared_ptr<Segment> written_;  // the last that this process wrote or synced, with events in it
  std::uint32_t known_faults_ = 0;    // in which what stands above and below was opened
  std::vector<SeenSync> unsure_;      // of others, that were under way when something was opened
  std::atomic<bool> has_unsure_ = false;
  std::atomic<std::uint32_t> replaced_for_ = 0;  // the faults that will be told, by this process; all is replaced
  struct Unindexed {
    std::uint64_t first = 0;
    std::optional<SegmentIndex> index;  // none: to be read from the segment
  };
  std::vector<Unindexed> unindexed_;  // sealed by this process, for the background

  /// The oldest event, for `has_older`.
  struct Oldest {
    std::uint64_t segment = 0;
    std::int64_t time = 0;
  };
  std::optional<Oldest> oldest_;  // under `sizes_mutex_`

  std::mutex sizes_mutex_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes_;  // of sealed segments, by first offset; for retention

  std::mutex sealed_mutex_;  // who syncs what is sealed
  struct Sealed {
    std::uint64_t first = 0;
    std::shared_ptr<File> file;  // none: there is nothing
  };
  Sealed sealed_;  // under `segments_mutex_`: the one that this process sealed last

  std::mutex sync_mutex_;
  std::condition_variable synced_;
  bool syncing_ = false;
};

}  // namespace tidings::log
