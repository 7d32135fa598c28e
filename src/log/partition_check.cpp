#include "log/partition_check.hpp"

#include <algorithm>

#include "log/index.hpp"
#include "log/segment.hpp"

namespace tidings::log {
namespace {

constexpr std::uint64_t everything = ~std::uint64_t{0};
constexpr int looks_max = 5;  // at a partition that changes under the look

std::string events_text(std::uint64_t from, std::uint64_t to) {
  return to - from == 1 ? "the event at offset " + std::to_string(from) + " is"
                        : "the events from offset " + std::to_string(from) + " to " + std::to_string(to - 1) + " are";
}
std::string bytes_text(std::uint64_t bytes) {
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}

void tell_proof(const SegmentCheck& check, const FramePlace& proof, std::uint64_t segment, std::uint64_t end,
                std::string_view why) {
  check.report_at(check.end_position(), end, Severity::error, "synced_event_lost",
                  std::string(why) + ", though the frame at byte " + std::to_string(proof.position) + " of " +
                      segment_name(segment) + " says that everything before offset " +
                      std::to_string(proof.header.durable_floor) + " was synced");
}

}  // namespace

Result<PartitionSeen> PartitionCheck::run() {
  auto partition = topic_->directory(std::to_string(number_), Directory::Create::never);
  if (!partition && partition.error().code == "not_found") return seen_;  // made when it is first used
  if (!partition) {
    if (auto done = checking_->failed(partition.error(), name_); !done) return done.error();
    return seen_;
  }
  ++checking_->summary.partitions;
  const auto summary = checking_->summary;
  const auto segments_done = checking_->segments_done;
  for (int look = 1;; ++look) {
    auto view = look_at_control(*topic_, **partition, number_, checking_->boot);
    if (!view) {
      if (auto done = checking_->failed(view.error(), in("control")); !done) return done.error();
      return seen_;
    }
    view_ = *view;
    seen_ = {.is_there = true, .is_in_use = view_.openers > 0};
    checking_->summary = summary;
    checking_->segments_done = segments_done;
    if (auto done = once(**partition); !done) {
      if (done.error().code == "interrupted") return done.error();
      if (auto failed = checking_->failed(done.error(), name_); !failed) return failed.error();
    }
    // Somebody who opened it meanwhile may have mended what was found, or written more.
    auto after = look_at_control(*topic_, **partition, number_, checking_->boot);
    const bool is_same = after && (view_.openers > 0 ? after->epoch == view_.epoch : *after == view_);
    if (is_same || look == looks_max) break;
    checking_->findings.clear();
  }
  if (seen_.is_in_use) ++checking_->summary.in_use;
  if (!seen_.is_in_use && !view_.is_current() && !firsts_.empty()) ++checking_->summary.to_recover;
  seen_.is_judged = !checking_->findings.has_errors();
  checking_->tell();
  return seen_;
}

Result<> PartitionCheck::once(Directory& partition) {
  firsts_.clear();
  indexes_.clear();
  has_quarantine_ = is_last_empty_ = is_over_ = is_lost_ = was_sealed_ = false;
  end_position_ = end_segment_ = 0;
  place_ = {};
  // The committed end was read before: everything before it stands in the segments that are there now.
  if (auto done = list(partition); !done) return done;
  limit_ = everything;
  if (view_.openers > 0) limit_ = view_.committed;
  if (view_.openers > 0 && !view_.is_current()) {
    limit_ = firsts_.empty() ? 0 : firsts_[firsts_.size() - std::min<std::size_t>(firsts_.size(), 3)];
    checking_->note("recovering", name_, "being recovered by a process just now; its last segments are not judged");
  }
  if (!firsts_.empty()) {
    seen_.earliest = seen_.end = firsts_.front();
    // In use, retention may have gone on since `control` was read.
    if (view_.openers == 0 && view_.is_current() && view_.earliest < firsts_.front())
      checking_->findings.add(
          {Severity::error,
           "missing_segment",
           in(segment_name(view_.earliest)),
           {},
           view_.earliest,
           "missing, and not removed by retention: " + events_text(view_.earliest, firsts_.front()) + " lost"});
  }
  if (auto done = segments(partition); !done) return done;
  control();
  return has_quarantine_ ? quarantine(partition) : Result<>{};
}

/// Sorts what lies in the folder.
Result<> PartitionCheck::list(Directory& partition) {
  auto names = partition.list();
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (const auto first = segment_first_offset(name))
      firsts_.push_back(*first);
    else if (const auto index = index_first_offset(name))
      indexes_.push_back(*index);
    else if (name == "quarantine")
      has_quarantine_ = true;
    else if (name != "control" && (view_.openers == 0 || !name.starts_with('~')))  // the next segment, made just now
      check_stray(*checking_, in(name), name);
  }
  // In use, retention may stand between the two.
  for (const auto index : indexes_)
    if (view_.openers == 0 && !std::ranges::binary_search(firsts_, index))
      checking_->note("foreign_file", in(index_name(index)),
                      "the index of a segment that is not there; nobody reads it");
  return {};
}

Result<SegmentCheck> PartitionCheck::open(Directory& partition, std::size_t index) {
  const auto name = segment_name(firsts_[index]);
  auto file = partition.file(name, Directory::Create::never, false);
  if (!file) return file.error();
  return SegmentCheck(*checking_, std::move(*file), in(name), seen_.epochs);
}

Result<> PartitionCheck::segments(Directory& partition) {
  if (firsts_.size() > 1 && limit_ == everything) {
    // A last one that holds nothing may have been made before the one in front of it was sealed.
    auto last = open(partition, firsts_.size() - 1);
    if (last)
      if (auto whole = last->read_header(firsts_.back()); whole && *whole) {
        auto empty = last->is_empty();
        is_last_empty_ = empty && *empty;
      }
  }
  for (std::size_t index = 0; index < firsts_.size(); ++index) {
    auto done = segment(partition, index);
    checking_->segments_done += checking_->segment_bytes;
    checking_->segment_bytes = 0;
    if (!done) return done;
  }
  return {};
}

Result<> PartitionCheck::segment(Directory& partition, std::size_t index) {
  auto check = open(partition, index);
  if (!check) {
    // Where it is in use it may have been removed, or not be there yet under its name.
    if (check.error().code == "not_found" && limit_ != everything) return {};
    is_lost_ = true;
    return checking_->failed(check.error(), in(segment_name(firsts_[index])));
  }
  auto whole = check->read_header(firsts_[index]);
  if (!whole) {
    is_lost_ = true;
    return checking_->failed(whole.error(), check->name());
  }
  ++checking_->summary.segments;
  checking_->segment_bytes = check->size();
  checking_->summary.bytes += check->size();
  // The end was found in front of it.
  if (is_over_ || firsts_[index] >= limit_) return {};
  if (!*whole) return bad_header(partition, index, *check);
  join(index);
  check->begin(place_);
  if (std::ranges::binary_search(indexes_, firsts_[index])) {
    auto compared = IndexCheck::read(*checking_, partition, check->header(), in(index_name(firsts_[index])));
    if (!compared) return compared.error();
    check->compare(std::move(*compared));
  }
  auto done = frames(partition, index, *check);
  if (done || done.error().code == "interrupted") return done;
  is_lost_ = true;
  return checking_->failed(done.error(), check->name());
}

/// How it goes on from the segment before.
void PartitionCheck::join(std::size_t index) {
  const auto first = firsts_[index];
  const auto before = place_.offset;
  place_.offset = first;
  if (index == 0 || std::exchange(is_lost_, false) || before == first) return;
  if (before > first)
    checking_->findings.add({Severity::error,
                             "overlapping_segments",
                             in(segment_name(first)),
                             {},
                             first,
                             "begins before the segment in front of it ends, at offset " + std::to_string(before)});
  else
    checking_->findings.add({Severity::error,
                             "missing_segment",
                             in(segment_name(before)),
                             {},
                             before,
                             "missing: " + events_text(before, first) + " lost"});
}

Result<> PartitionCheck::bad_header(Directory& partition, std::size_t index, SegmentCheck& check) {
  if (!may_be_unsynced(index) || check.problem().code == "newer_version") {
    checking_->findings.add(check.problem());
    is_lost_ = true;
    return {};
  }
  seen_.end = index == 0 || is_lost_ ? firsts_[index] : place_.offset;
  auto proven = is_proven(partition, index + 1, seen_.end, check, check.problem().why);
  if (!proven) return proven.error();
  if (*proven) return {};
  return behind_tail(partition, index, seen_.end, false);
}

Result<> PartitionCheck::frames(Directory& partition, std::size_t index, SegmentCheck& check) {
  was_sealed_ = false;
  while (true) {
    auto stop = check.walk(limit_);
    if (!stop) return stop.error();
    place_ = check.place();
    seen_.end = check.end_offset();
    end_position_ = check.end_position();
    end_segment_ = firsts_[index];
    seen_.epoch = std::max(seen_.epoch, place_.epoch);
    if (*stop == SegmentCheck::Stop::limit) {
      is_over_ = true;
      if (check.is_batch_open())
        check.report(Severity::error, "batch_not_ended", "a batch goes on behind the committed end");
      return {};
    }
    const bool is_first = check.position() == sizeof(SegmentHeader);
    if (*stop == SegmentCheck::Stop::seal && !is_first) return sealed(index, check);
    if (is_tail(index, check.end_offset())) return tail(partition, index, check, *stop);
    auto goes_on = damage(index, check, *stop);
    if (!goes_on) return goes_on.error();
    if (!*goes_on) return {};
  }
}

bool PartitionCheck::is_tail(std::size_t index, std::uint64_t offset) const {
  if (limit_ != everything) return false;
  if (view_.is_current()) return offset >= view_.committed;
  const auto behind = firsts_.size() - 1 - index;
  return behind == 0 || (behind == 1 && (is_last_empty_ || !durable_));
}

Result<> PartitionCheck::sealed(std::size_t index, SegmentCheck& check) {
  was_sealed_ = true;
  check.index().end(place_.offset, check.position());
  if (check.is_batch_open())
    check.report(Severity::error, "batch_not_ended",
                 "a seal, though the batch of offset " + std::to_string(check.end_offset()) + " has not ended");
  seen_.end = place_.offset;
  if (index + 1 < firsts_.size()) return {};
  const auto next = segment_name(place_.offset);
  if (durable_ && !view_.is_current())
    check.report(Severity::error, "missing_segment",
                 "sealed, and " + next + ", which was made before the seal, is missing");
  else
    check.report(Severity::note, "unfinished_roll", "sealed, and " + next + " is not there; the next append makes it");
  return {};
}

/// Tells of damage where none may be. False: there is nothing more to be read in this segment.
Result<bool> PartitionCheck::damage(std::size_t index, SegmentCheck& check, SegmentCheck::Stop stop) {
  check.compare({});  // it may be right all the same
  const auto position = check.position();
  const auto offset = check.place().offset;
  const auto& sight = check.sight();
  const bool has_next = index + 1 < firsts_.size();
  std::string code(sight.code);
  std::string why(sight.why);
  if (stop == SegmentCheck::Stop::nothing) {
    code = "missing_frame";
    why = "nothing stands there, and an event should";
    if (has_next && offset >= firsts_[index + 1] && !check.is_batch_open()) {
      check.report(Severity::error, "not_sealed", "no seal stands there, though another segment follows");
      return false;
    }
  } else if (stop == SegmentCheck::Stop::gap) {
    code = "offset_gap";
    why = "offset " + std::to_string(sight.header.offset) + " stands in place of " + std::to_string(offset);
  } else if (stop == SegmentCheck::Stop::seal) {
    code = "bad_seal";
    why = "a seal stands in front of the first event";
  } else if (!check.is_batch_open() && has_next && offset == firsts_[index + 1]) {
    // All events are there: it is the seal that is damaged.
    check.report_at(position, {}, Severity::error, code, "where the seal stands: " + why);
    return false;
  }
  auto passed = check.skip_damage();
  if (!passed) return passed.error();
  if (*passed) {
    if (**passed > 0) why += "; " + events_text(offset, offset + **passed) + " unreadable";
    why += "; whole ones follow from byte " + std::to_string(check.position());
  } else {
    const auto until = has_next ? firsts_[index + 1] : view_.is_current() ? view_.committed : offset;
    if (until > offset) why += "; " + events_text(offset, until) + " unreadable";
    is_lost_ = true;
  }
  check.report_at(position, offset, Severity::error, code, why);
  return passed->has_value();
}

/// Whether a later segment says that the events behind `end` were synced: then `check` is damaged there, and it is
/// told.
Result<bool> PartitionCheck::is_proven(Directory& partition, std::size_t index, std::uint64_t end, SegmentCheck& check,
                                       std::string_view why) {
  for (; index < firsts_.size(); ++index) {
    auto later = open(partition, index);
    if (!later) continue;
    auto whole = later->read_header(firsts_[index]);
    if (!whole || !*whole) continue;
    auto proof = later->find_proof(sizeof(SegmentHeader), end);
    if (!proof) return proof.error();
    if (!*proof) continue;
    tell_proof(check, **proof, firsts_[index], end, why);
    return true;
  }
  return false;
}

/// The events end here: nothing stands behind them, or a torn tail, or proof that something is damaged.
Result<> PartitionCheck::tail(Directory& partition, std::size_t index, SegmentCheck& check, SegmentCheck::Stop stop) {
  is_over_ = true;
  check.index().no_end();
  const auto begin = check.end_position();
  const auto end = check.end_offset();
  checking_->summary.events -= check.place().offset - end;  // of a batch that never ended
  auto used = check.used(begin);
  if (!used) return used.error();
  const auto why = stop == SegmentCheck::Stop::damaged ? check.sight().why : "the event is missing";
  if (!view_.is_current()) {
    auto proof = check.find_proof(begin, end);
    if (!proof) return proof.error();
    if (*proof) tell_proof(check, **proof, firsts_[index], end, why);
    if (*proof) return {};
    auto proven = is_proven(partition, index + 1, end, check, why);
    if (!proven) return proven.error();
    if (*proven) return {};
  }
  if (*used > begin)
    check.report_at(begin, end, Severity::torn, "torn_tail",
                    bytes_text(*used - begin) + " of what was never finished stand behind the last event");
  return behind_tail(partition, index + 1, end, *used > begin);
}

/// The segments behind the end: made and not begun, or of events that were not synced.
Result<> PartitionCheck::behind_tail(Directory& partition, std::size_t index, std::uint64_t end, bool is_told) {
  is_over_ = true;
  for (; index < firsts_.size(); ++index) {
    auto check = open(partition, index);
    if (!check) return check.error();
    auto whole = check->read_header(firsts_[index]);
    if (!whole) return whole.error();
    bool is_empty = false;
    if (*whole) {
      auto empty = check->is_empty();
      if (!empty) return empty.error();
      is_empty = *empty;
    }
    if (view_.is_current() && !*whole)
      checking_->findings.add(check->problem());
    else if (!is_empty)
      check->report_at({}, firsts_[index], Severity::torn, "torn_segment",
                       std::string(*whole ? "" : "its header was never finished; ") +
                           "the events in front of it, from offset " + std::to_string(end) +
                           " on, are gone, which were not synced");
    else if (firsts_[index] > end && !is_told)
      check->report_at({}, end, Severity::torn, "unsynced_events_gone",
                       events_text(end, firsts_[index]) + " gone, which were not synced");
  }
  return {};
}

/// What the hints say, beside what was found.
void PartitionCheck::control() {
  const auto file = in("control");
  using State = ControlView::State;
  if (view_.state == State::newer)
    checking_->error("newer_version", file,
                     "of format version " + std::to_string(view_.version) + "; run a newer program");
  if (view_.state == State::damaged)
    checking_->note("damaged_hints", file, "damaged; whoever opens the partition next makes it anew");
  if (view_.state == State::missing && !firsts_.empty())
    checking_->note("damaged_hints", file, "missing; whoever opens the partition next makes it anew");
  if (view_.state == State::of_before && view_.durable > seen_.end && limit_ == everything &&
      !checking_->findings.has_errors())
    checking_->note(
        "hints_beyond_end", file,
        "says that the events before offset " + std::to_string(view_.durable) + " were synced, and they end at " +
            std::to_string(seen_.end) +
            ": it is damaged, or the device lost them, or they are not in a copy that was made while the log "
            "was in use");
  if (!view_.is_current()) return;
  if (view_.poisoned)
    checking_->note(
        "poisoned", file,
        "a sync failed, or a process died in one: what that may have lost is written to another file before "
        "anything is published. Where this stays so, look at the disk");
  if (limit_ != everything) return;
  const auto reached = std::max(view_.committed, view_.durable);
  if (seen_.end < reached && !checking_->findings.has_errors())
    checking_->error("end_missing", file,
                     "says that offset " + std::to_string(reached) + " was reached, and the segments end at " +
                         std::to_string(seen_.end) + "; nothing is written until it is moved away");
  else if (seen_.end > view_.committed)
    checking_->note(
        "uncommitted", file,
        std::to_string(seen_.end - view_.committed) +
            " events behind the committed end are whole, of a writer that died; the next writer keeps them");
  else if (seen_.end == view_.committed && !was_sealed_ && !firsts_.empty() && view_.dirty_end == 0 &&
           (view_.position != end_position_ || view_.segment != end_segment_ || view_.durable > view_.committed ||
            view_.epoch < place_.epoch ||
            (place_.time != SegmentCheck::Place{}.time && view_.last_time != place_.time)))
    checking_->note("damaged_hints", file, "does not fit the segments; the next writer puts it right");
}

Result<> PartitionCheck::quarantine(Directory& partition) {
  auto directory = partition.directory("quarantine", Directory::Create::never);
  if (!directory) return checking_->failed(directory.error(), in("quarantine"));
  auto names = (*directory)->list();
  if (!names) return checking_->failed(names.error(), in("quarantine"));
  for (const auto& name : *names) {
    const auto path = in("quarantine/" + name);
    auto file = name.ends_with(".torn") ? (*directory)->file(name, Directory::Create::never, false)
                                        : Result<std::unique_ptr<File>>{Error{}};
    if (!file) {
      check_stray(*checking_, path, name);
      continue;
    }
    auto size = (*file)->size();
    checking_->note("quarantined", path,
                    (size ? bytes_text(*size) : "bytes") + " that a recovery took out of this partition");
  }
  return {};
}

}  // namespace tidings::log
