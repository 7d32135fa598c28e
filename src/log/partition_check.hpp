#pragma once

#include <string>
#include <vector>

#include "log/control_view.hpp"
#include "log/segment_check.hpp"

namespace tidings::log {

/// What a group's positions are judged by.
struct PartitionSeen {
  bool is_there = false;   ///< its folder
  bool is_judged = false;  ///< the rest is known
  bool is_in_use = false;
  std::uint64_t earliest = 0;
  std::uint64_t end = 0;    ///< one past the last whole event; of one that is in use the committed end as it was then
  std::uint32_t epoch = 0;  ///< the highest that was seen
  SegmentCheck::Epochs epochs;
};

/// Verifies one partition: `<topic>/<number>/`, whose findings it hands out.
class PartitionCheck {
 public:
  PartitionCheck(Checking& checking, Directory& topic, std::string topic_name, std::uint32_t number, bool durable)
      : checking_(&checking),
        topic_(&topic),
        name_(std::move(topic_name) + "/" + std::to_string(number)),
        number_(number),
        durable_(durable) {}

  Result<PartitionSeen> run();

 private:
  Result<> once(Directory& partition);
  Result<> list(Directory& partition);
  Result<> segments(Directory& partition);
  Result<> segment(Directory& partition, std::size_t index);
  Result<> bad_header(Directory& partition, std::size_t index, SegmentCheck& check);
  Result<> frames(Directory& partition, std::size_t index, SegmentCheck& check);
  Result<> sealed(std::size_t index, SegmentCheck& check);
  Result<bool> damage(std::size_t index, SegmentCheck& check, SegmentCheck::Stop stop);
  Result<bool> is_proven(Directory& partition, std::size_t index, std::uint64_t end, SegmentCheck& check,
                         std::string_view why);
  Result<> tail(Directory& partition, std::size_t index, SegmentCheck& check, SegmentCheck::Stop stop);
  Result<> behind_tail(Directory& partition, std::size_t index, std::uint64_t end, bool is_told);
  Result<> quarantine(Directory& partition);
  Result<SegmentCheck> open(Directory& partition, std::size_t index);
  void join(std::size_t index);
  void control();
  [[nodiscard]] bool is_tail(std::size_t index, std::uint64_t offset) const;
  [[nodiscard]] bool may_be_unsynced(std::size_t index) const {
    return !view_.is_current() && !durable_ && index + 2 >= firsts_.size();
  }
  [[nodiscard]] std::string in(const std::string& name) const { return name_ + "/" + name; }

  Checking* checking_;
  Directory* topic_;
  std::string name_;
  std::uint32_t number_;
  bool durable_;

  ControlView view_;
  std::vector<std::uint64_t> firsts_;
  std::vector<std::uint64_t> indexes_;  // of these segments
  bool has_quarantine_ = false;
  std::uint64_t limit_ = 0;  // nothing is judged from this offset on
  bool is_last_empty_ = false;
  bool is_over_ = false;  // the end was found: later segments were dealt with
  bool is_lost_ = false;  // what the segment before ends with is not known
  bool was_sealed_ = false;
  std::uint64_t end_position_ = 0;  // in the segment where the events end
  std::uint64_t end_segment_ = 0;
  SegmentCheck::Place place_;
  PartitionSeen seen_;
};

}  // namespace tidings::log
