#pragma once

#include "events.hpp"
#include "state.hpp"
#include "tidings/service/batch.hpp"

namespace shop {

/// Counts revenue by country and day, and what sells best. What is not saved was not counted: it counts on a copy of
/// its state, and takes that over once it is saved.
class Analytics {
 public:
  Analytics(std::string path, AnalyticsState state) : path_(std::move(path)), books_{std::move(state), {}} {
    books_.recent = Recent(std::move(books_.state.recent));
  }

  tidings::Result<> on(const tidings::Batch<OrderConfirmed, OrderReturned>& batch) {
    auto books = books_;
    for (const auto& [event, context] : batch) {
      if (covers(books.state.positions, context)) continue;  // killed after the save, before the acknowledgement
      std::visit([&](const auto& order) { books.count(order); }, event);
      cover(books.state.positions, context);
    }
    books.state.recent = books.recent.entries();
    if (auto saved = save_state(path_, books.state); !saved) return saved;
    books_ = std::move(books);
    return {};
  }

 private:
  struct Books {
    AnalyticsState state;
    Recent recent;

    void count(const OrderConfirmed& order) {
      // Published twice, by the relay of a service that was killed.
      if (recent.find(order.order_id) != nullptr) return;
      recent.add(order.order_id, "confirmed");
      ++state.orders;
      add(order.country, order.placed_at, order.lines, order.total_minor, 1);
    }

    void count(const OrderReturned& goods) {
      const auto name = goods.order_id + " returned";
      if (recent.find(name) != nullptr) return;
      recent.add(name, "returned");
      ++state.returns;
      add(goods.country, goods.returned_at, goods.lines, goods.total_minor, -1);
    }

    void add(const std::string& country, tidings::TimePoint time, const std::vector<OrderLine>& lines,
             std::int64_t total_minor, int sign) {
      state.revenue_minor[country][tidings::to_rfc3339(time).substr(0, 10)] += sign * total_minor;
      for (const auto& line : lines) state.sold[line.product] += sign * line.quantity;
    }
  };

  std::string path_;
  Books books_;
};

}  // namespace shop
