#include "log/log_directory.hpp"

#include "log/drafts.hpp"
#include "log/layout.hpp"
#include "log/topic_files.hpp"
#include "tidings/base/uuid.hpp"

namespace tidings::log {
namespace {

/// How often it is looked again where others delete and make the same topic.
constexpr int attempts_max = 16;

/// There is no topic: nothing, a file such as `slots.lock`, or a folder without a `topic.meta`.
bool is_nothing_of_ours(const Error& error) {
  return error.code == "not_found" || error.code == "not_a_directory";
}

Keeping keeping_of(const MetaFile& meta) {
  return {.bytes = meta.keep_bytes,
          .age = std::chrono::seconds{meta.keep_seconds},
          .waits_for_groups = meta.waits_for_groups == 1};
}
void set_keeping(MetaFile& meta, const Keeping& keeping) {
  meta.keep_bytes = keeping.bytes;
  meta.keep_seconds = static_cast<std::uint32_t>(std::chrono::floor<std::chrono::seconds>(keeping.age).count());
  meta.waits_for_groups = keeping.waits_for_groups ? 1 : 0;
}

/// What was killed while it waited goes, where nobody can wait: who waits has a partition open.
Result<> forget_dead_waiters(Directory& topic, TopicWake& wake) {
  if (!wake.has_waiters()) return {};
  auto openers = topic.file("openers.lock", Directory::Create::if_missing);
  if (!openers) return openers.error();
  auto alone = (*openers)->try_lock({0, partitions_max * openers_max});
  if (!alone) return alone.error();
  if (*alone) wake.forget_waiters();
  return {};  // the lock ends with the file
}

Result<MetaFile> good_meta(Directory& topic) {
  auto seen = read_meta(topic);
  if (!seen) return seen.error();
  if (seen->problem) return seen->error(topic);
  return seen->meta;
}

Result<> write_meta(Directory& topic, std::string_view name, MetaFile& meta) {
  meta.checksum = checksum_of(meta);
  auto file = topic.file(name, Directory::Create::must);
  if (!file) return file.error();
  if (auto done = (*file)->write_at(std::as_bytes(std::span{&meta, 1}), 0); !done) return done;
  return (*file)->sync_data();
}

}  // namespace

TopicLog::TopicLog(std::string name, const TopicMeta& meta, std::shared_ptr<Directory> log,
                   std::unique_ptr<Directory> directory, const LogShared& shared, std::shared_ptr<TopicWake> wake,
                   FileId id, Clock& clock, LogSink& sink)
    : name_(std::move(name)),
      meta_(meta),
      log_(std::move(log)),
      directory_(std::move(directory)),
      slots_(shared.slots),
      wake_(std::move(wake)),
      id_(id),
      keepings_known_(wake_->keepings()),
      known_(meta.partitions),
      partitions_(meta.partitions) {
  setting_.durable = meta.durability == Durability::durable;
  setting_.clock = &clock;
  setting_.log = &sink;
  setting_.above = log_.get();
  setting_.background = shared.background;
  setting_.segments = shared.segments;
  setting_.folders = shared.folders;
  setting_.after_roll = [this](PartitionLog& partition) {
    for (std::uint32_t number = 0; number < known_.size(); ++number)
      if (known_[number].load(std::memory_order_acquire) == &partition) remove_old(partition, number);
  };
}

TopicLog::~TopicLog() {
  if (setting_.background && !slots_->is_forked()) setting_.background->forget(this);
}

Result<std::shared_ptr<TopicLog>> TopicLog::open(std::shared_ptr<Directory> log, const std::string& name,
                                                 const LogShared& shared, Clock& clock, LogSink& sink) {
  auto directory = log->directory(name, Directory::Create::never);
  if (!directory && is_nothing_of_ours(directory.error())) return std::shared_ptr<TopicLog>{};
  if (!directory) return directory.error();
  auto read = good_meta(**directory);
  if (!read && is_nothing_of_ours(read.error())) return std::shared_ptr<TopicLog>{};
  if (!read) return read.error();
  const auto& meta = *read;
  auto groups = (*directory)->directory("groups", Directory::Create::if_missing);
  if (!groups) return groups.error();
  auto control = (*directory)->file("control", Directory::Create::if_missing);
  if (!control) return control.error();
  if (auto grown = (*control)->allocate(TopicWake::file_bytes); !grown) return grown.error();
  auto id = (*control)->id();
  if (!id) return id.error();
  auto mapping = (*control)->map(TopicWake::file_bytes, true);
  if (!mapping) return mapping.error();
  auto wake = std::make_shared<TopicWake>(std::move(*mapping));
  if (auto done = forget_dead_waiters(**directory, *wake); !done) return done.error();
  std::shared_ptr<const void> is_kept;
  if (shared.folders && !(is_kept = FolderBudget::take(shared.folders))) {
    auto by_name = FolderByName::of(*log, name, **directory);
    if (!by_name) return by_name.error();
    *directory = std::move(*by_name);
  }
  auto topic = std::make_shared<TopicLog>(
      name,
      TopicMeta{meta.partitions, static_cast<Durability>(meta.durability), meta.event_bytes_max, keeping_of(meta)},
      std::move(log), std::move(*directory), shared, std::move(wake), *id, clock, sink);
  topic->is_folder_kept_ = std::move(is_kept);
  return topic;
}

Result<PartitionLog*> TopicLog::partition(std::uint32_t number, Duration wait_max) {
  if (auto* const known = known_.at(number).load(std::memory_order_acquire)) return known;
  if (is_deleted()) return deleted();
  // Without the mutex: it may wait for a recovery, and the others must not. Whoever is second throws his away.
  auto opened = PartitionLog::open(*directory_, number, slots_, wake_, setting_, wait_max);
  // Who has a partition open keeps the topic, but until then it may have gone.
  auto gone = was_deleted();
  if (gone && *gone) return deleted();
  if (!opened) return opened.error();
  if (!gone) return gone.error();
  const std::scoped_lock lock(mutex_);
  auto& partition = partitions_[number];
  if (!partition) partition = std::move(*opened);
  known_[number].store(partition.get(), std::memory_order_release);
  if (!meta_.keeping.is_for_ever() && setting_.background)
    setting_.background->post(partition.get(), [this, opened = partition.get()] { setting_.after_roll(*opened); });
  if (meta_.keeping.age != Duration{}) look_at_age_later();
  return partition.get();
}

Error TopicLog::deleted() const {
  return {"unknown_topic", "topic '" + name_ + "' was deleted; publish to it or create it again"};
}

/// Whoever deletes a topic may die before he has told so: what is gone does not stand under its name any more.
Result<bool> TopicLog::was_deleted() {
  if (is_deleted()) return true;
  auto folder = log_->directory(name_, Directory::Create::never);
  auto control = folder ? (*folder)->file("control", Directory::Create::never, false) : folder.error();
  if (!control && !is_nothing_of_ours(control.error())) return control.error();
  if (control) {
    auto id = (*control)->id();
    if (!id) return id.error();
    if (*id == id_) return false;
  }
  wake_->tell_deleted();  // in his place
  return true;
}

template <class T>
Result<T> TopicLog::unless_deleted(Result<T> done) {
  if (done || (done.error().code != "not_found" && done.error().code != "folder_replaced")) return done;
  auto gone = was_deleted();
  return gone && *gone ? Result<T>{deleted()} : std::move(done);
}

Result<GroupFile> TopicLog::group(const std::string& name, bool create) {
  auto groups = directory_->directory("groups", Directory::Create::never);
  return unless_deleted(groups ? GroupFile::open(**groups, name, meta_.partitions, create ? slots_.get() : nullptr)
                               : Result<GroupFile>{groups.error()});
}

Result<GroupFile> TopicLog::group_to_move(const std::string& name) {
  auto groups = directory_->directory("groups", Directory::Create::never);
  return unless_deleted(groups ? GroupFile::open_to_move(**groups, name, meta_.partitions, *slots_)
                               : Result<GroupFile>{groups.error()});
}

Result<std::vector<std::string>> TopicLog::groups() {
  auto groups = directory_->directory("groups", Directory::Create::never);
  auto names = unless_deleted(groups ? (*groups)->list() : Result<std::vector<std::string>>{groups.error()});
  if (!names) return names.error();
  std::erase_if(*names, [](const std::string& name) { return name.starts_with('~'); });
  return std::move(*names);
}

Result<Keeping> TopicLog::keeping() {
  auto meta = unless_deleted(good_meta(*directory_));
  if (!meta) return meta.error();
  return keeping_of(*meta);
}

Result<> TopicLog::keep(const Keeping& keeping) {
  auto meta = unless_deleted(good_meta(*directory_));
  if (!meta) return meta.error();
  set_keeping(*meta, keeping);
  remove_dead_drafts(*directory_, *slots_);
  const auto draft = draft_name("topic.meta", *slots_);
  auto made = write_meta(*directory_, draft, *meta);
  if (made) made = directory_->replace(draft, "topic.meta");
  if (!made) {
    (void)directory_->remove_file(draft).has_value();
    return unless_deleted(std::move(made));
  }
  if (auto synced = unless_deleted(directory_->sync()); !synced) return synced;
  wake_->tell_keeping();
  look_at_age_later();
  for (std::uint32_t number = 0; number < meta_.partitions; ++number) {
    auto partition = this->partition(number);
    if (!partition) return partition.error();
    remove_old(**partition, number);
  }
  return {};
}

/// As far as each of them would go on, if it were taken now.
Result<std::uint64_t> TopicLog::settled_by_all(PartitionLog& partition, std::uint32_t number) {
  auto names = groups();
  if (!names) return names.error();
  auto settled = ~std::uint64_t{0};
  for (const auto& name : *names) {
    auto file = group(name, false);
    if (!file && file.error().code == "not_found") continue;  // deleted meanwhile
    if (!file) return file.error();
    auto record = file->read(number);
    if (!record) return record.error();
    if (!*record) continue;
    auto holds = partition.what_holds((*record)->position, (*record)->epoch);
    if (!holds) return holds.error();
    settled = std::min(settled, *holds);
  }
  return settled;
}

void TopicLog::look_at_age_later() {
  keepings_known_.store(wake_->keepings());
  if (setting_.background) setting_.background->repeat(this, ageing_pace.least, [this] { return look_at_age(); });
}

/// In the background. Of the partitions that are open here: who opens one looks at once.
Duration TopicLog::look_at_age() {
  auto keeping = this->keeping();
  if (!keeping || keeping->age == Duration{} || is_deleted()) return ageing_pace.most;
  const auto oldest = setting_.clock->now() - keeping->age;
  for (std::uint32_t number = 0; number < known_.size(); ++number) {
    auto* const partition = known_[number].load(std::memory_order_acquire);
    if (partition == nullptr) continue;
    if (auto older = partition->has_older(oldest); !older || *older) remove_old(*partition, number);
  }
  return std::clamp<Duration>(keeping->age / 10, ageing_pace.least, ageing_pace.most);
}

/// What goes wrong is told, and tried again with the next segment, or when the clock says so.
void TopicLog::remove_old(PartitionLog& partition, std::uint32_t number) {
  const auto remove = [&]() -> Result<std::size_t> {
    auto now = keeping();
    if (!now) return now.error();
    if (now->is_for_ever()) return std::size_t{0};
    auto keep_from =
        now->waits_for_groups ? settled_by_all(partition, number) : Result<std::uint64_t>{~std::uint64_t{0}};
    if (!keep_from) return keep_from.error();
    // Where another is at work there, or the disk is full, what stands before it goes all the same.
    auto rolled = now->age == Duration{} ? Result<>{} : partition.roll_old(now->age);
    if (!rolled && rolled.error().retry != Retry::same_call) return rolled.error();
    return partition.remove_old(*now, *keep_from);
  };
  if (auto removed = remove(); !removed)
    setting_.log->write(LogLevel::warning,
                        partition.path() + ": old events were not removed: " + to_string(removed.error()));
}

void TopicLog::sync_behind() {
  for (std::uint32_t number = 0; number < meta_.partitions; ++number) {
    auto* const partition = known_[number].load(std::memory_order_acquire);
    if (partition == nullptr || partition->durable() >= partition->committed()) continue;
    if (auto done = partition->sync_to(partition->committed(), std::chrono::seconds{1}); !done)
      setting_.log->write(LogLevel::warning, to_string(done.error()));
  }
}

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(const std::string& path, const Options& options) {
  auto directory = options.files->open(path, options.create);
  if (!directory) return directory.error();
  // Also to root, whose files the owner's services could not open any more.
  auto owner = (*directory)->foreign_owner();
  if (!owner) return owner.error();
  if (*owner) return Error{"foreign_owner", path + " belongs to " + **owner + "; run as that user", Retry::never};
  if (!options.create)
    if (auto known = check_is_log(**directory); !known) return known.error();
  auto foreign = (*directory)->foreign_file_system();
  if (!foreign) return foreign.error();
  if (*foreign && !options.any_file_system)
    return Error{"unsupported_file_system",
                 path + " lies on a file system (" + **foreign +
                     ") that is not known to be local (ext4, xfs, btrfs, tmpfs, overlay); move the log, or add "
                     "?any_file_system=true to its URL and go without its promises",
                 Retry::never};
  auto slots = Slots::take(**directory);
  if (!slots) return slots.error();
  return std::make_unique<LogDirectory>(std::shared_ptr<Directory>(std::move(*directory)), std::move(*slots), options);
}

std::shared_ptr<TopicLog> LogDirectory::known(std::string_view topic) {
  const std::scoped_lock lock(mutex_);
  const auto known = open_.find(topic);
  return known != open_.end() && !known->second->is_deleted() ? known->second : nullptr;
}

Result<std::shared_ptr<TopicLog>> LogDirectory::find(std::string_view topic) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = open_.find(topic); known != open_.end()) {
    if (!known->second->is_deleted()) [[likely]]
      return known->second;
    open_.erase(known);
  }
  const std::string name(topic);
  auto opened = TopicLog::open(directory_, name, shared_, *options_.clock, *options_.log);
  // Its folder was there, and what is in it went meanwhile: perhaps there is another by now.
  for (int attempt = 1; attempt < attempts_max && !opened && opened.error().code == "not_found"; ++attempt)
    opened = TopicLog::open(directory_, name, shared_, *options_.clock, *options_.log);
  if (!opened || !*opened) return opened;
  return open_[name] = std::move(*opened);
}

Result<std::string> LogDirectory::make_draft(const std::string& topic, const TopicMeta& wanted) {
  remove_dead_drafts(*directory_, *shared_.slots);
  const auto draft = draft_name(topic, *shared_.slots);
  auto directory = directory_->directory(draft, Directory::Create::must);
  if (!directory) return directory.error();
  MetaFile meta;
  meta.partitions = wanted.partitions;
  meta.topic_id = make_uuid_v7().bytes;
  meta.event_bytes_max = wanted.event_bytes_max;
  meta.durability = static_cast<std::uint32_t>(wanted.durability);
  set_keeping(meta, wanted.keeping);
  const auto make = [&]() -> Result<> {
    if (auto done = write_meta(**directory, "topic.meta", meta); !done) return done;
    auto groups = (*directory)->directory("groups", Directory::Create::must);
    if (!groups) return groups.error();
    return (*directory)->sync();
  };
  if (auto made = make(); !made) {
    (void)remove_folder(*directory_, draft).has_value();
    return made.error();
  }
  return draft;
}

Result<std::shared_ptr<TopicLog>> LogDirectory::create(const std::string& topic, const TopicMeta& wanted) {
  if (topic == "slots.lock")
    return Error{"invalid_name", "topic 'slots.lock' is a file of the log itself; choose another name", Retry::never};
  // Made whole under a name that no topic has, then renamed: nobody sees half a topic. Others may be faster, and may
  // delete it at once.
  std::optional<std::string> draft;
  Result<std::shared_ptr<TopicLog>> found = std::shared_ptr<TopicLog>{};
  Result<> made;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    found = find(topic);
    if (!found || *found) break;  // ours, or somebody else's
    if (!draft) {
      auto whole = make_draft(topic, wanted);
      if (!whole) return whole.error();
      draft = std::move(*whole);
    }
    made = directory_->rename(*draft, topic);
    if (made) {
      draft.reset();
      made = directory_->sync();
    }
    if (!made && made.error().code != "exists") break;
  }
  if (draft) (void)remove_folder(*directory_, *draft).has_value();
  if (!found || *found) return found;
  if (made || made.error().code == "exists")
    return Error{"exists", directory_->path() + "/" + topic + " is in the way and is no topic; move it away",
                 Retry::never};
  return made.error();
}

Result<std::vector<std::string>> LogDirectory::topics() {
  auto names = directory_->list();
  if (!names) return names.error();
  std::erase_if(*names, [&](const std::string& name) {
    if (name.starts_with('~')) return true;
    auto directory = directory_->directory(name, Directory::Create::never);
    if (!directory) return is_nothing_of_ours(directory.error());
    auto meta = (*directory)->file("topic.meta", Directory::Create::never, false);
    return !meta && is_nothing_of_ours(meta.error());
  });
  return std::move(*names);
}

}  // namespace tidings::log
