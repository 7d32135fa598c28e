#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/testing.hpp"
#include "testing/servers/keys.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/event/sealer.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::service {

using tidings::testing::key_text;
using tidings::testing::keyring;

/// Stands in every payload that is to be sealed, and must stand nowhere else.
inline const std::string iban = "DE89370400440532013000";

struct Payment {
  std::string id;
  std::string from = iban;
  static constexpr traits<Payment> event{
      .name = "test.payment", .topic = "payments", .key = &Payment::id, .encrypted = true};
};
struct Receipt {
  std::string id;
  std::string from = iban;
  static constexpr traits<Receipt> event{
      .name = "test.receipt", .topic = "receipts", .key = &Receipt::id, .encrypted = true};
};
struct Asked {
  std::string id;
  std::string from = iban;
  static constexpr traits<Asked> event{.name = "test.asked", .topic = "asked", .key = &Asked::id, .encrypted = true};
};

inline const std::string old_key = key_text("2026", 1);
inline const std::string new_key = key_text("2027", 2);

class SealingTest : public ServiceTest {
 protected:
  ~SealingTest() override {
    stop();
    service_.reset();
  }
  Service& make_with_keys(std::vector<SettingValue> more = {}, const std::string& keys = old_key) {
    more.push_back({"encryption.keys", keys});
    return make({.store = store_.get(), .settings = std::move(more)});
  }
  void use_store() {
    store_ = open_store("sqlite:" + folder_.path() + "/test.db").or_throw();
    outbox::apply_schema(*store_).or_throw();
  }
  /// How many events of the type there are, of which each is sealed; none of any type shows the number.
  std::size_t sealed(std::string_view topic, std::string_view key = "2026") {
    std::size_t count = 0;
    for (const auto& event : read(topic)) {
      EXPECT_TRUE(is_sealed(event.view())) << event.type;
      EXPECT_EQ(seal_key(event.view()), key);
      ++count;
    }
    return count;
  }
  /// Where the number can be read: topics, and files beside the broker.
  std::vector<std::string> shown_in() {
    std::vector<std::string> places;
    for (const auto& topic : broker_->topics().or_throw())
      for (const auto& event : read(topic.name))
        if (event.payload.find(iban) != event.payload.npos) places.push_back(topic.name);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      if (text.find(iban) != text.npos) places.push_back(entry.path().filename().string());
    }
    if (lines_.count(iban) > 0) places.push_back("the log");
    return places;
  }
  using Places = std::vector<std::string>;

  const tidings::testing::TemporaryFolder folder_ = tidings::testing::TemporaryFolder::make("sealing").or_throw();
  std::unique_ptr<Store> store_;
};

}  // namespace tidings::service
