#pragma once

#include <string>

#include "tidings/broker/types.hpp"

namespace tidings::cli {

/// One event as a line for people: time, partition/offset, type, key, payload, everything harmful escaped. It is given
/// as `Showing` has it.
class TextForm {
 public:
  /// In colours where standard output is a terminal and NO_COLOR is not set.
  TextForm();
  explicit TextForm(bool coloured) : coloured_(coloured) {}

  [[nodiscard]] std::string line(const DeliveryId& id, const EnvelopeView& event) const;

 private:
  [[nodiscard]] std::string paint(const char* colour, const std::string& text) const;
  bool coloured_;
};

}  // namespace tidings::cli
