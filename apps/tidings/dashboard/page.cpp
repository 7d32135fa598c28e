#include "dashboard/page.hpp"

#include "dashboard/page_files.hpp"

namespace tidings::cli {
namespace {

ops::HttpAnswer answer_with(const tidings::dashboard::PageFile& file, const ops::HttpRequest& request) {
  ops::HttpAnswer answer{
      .body = {},
      .type = std::string(file.type),
      .headers = {{"ETag", std::string(file.etag)},
                  {"Cache-Control", file.forever ? "public, max-age=31536000, immutable" : "no-cache"},
                  {"Vary", "Accept-Encoding"}}};
  if (request.header("if-none-match") == file.etag) {
    answer.status = 304;
    return answer;
  }
  // Every browser takes it; whoever does not, is told.
  if (request.header("accept-encoding").value_or("gzip").find("gzip") == std::string_view::npos)
    return {.status = 406, .body = "This is told in gzip only.\n", .type = "text/plain; charset=utf-8"};
  answer.headers.emplace_back("Content-Encoding", "gzip");
  answer.body.assign(reinterpret_cast<const char*>(file.gzip.data()), file.gzip.size());
  return answer;
}

}  // namespace

void serve_page(ops::HttpServer& server) {
  const auto files = tidings::dashboard::page_files();
  for (const auto& file : files)
    server.quick(file.path, [&file](const ops::HttpRequest& request) { return answer_with(file, request); });
  if (!files.empty()) return;
  server.quick("/", [](const ops::HttpRequest&) {
    return ops::HttpAnswer{.body =
                               "This program was built without the dashboard's page: it takes Node.js 18 or later, "
                               "and what script/dashboard fetches.\nWhat the page would show is at "
                               "/api/v1/overview and beside it; see docs/dashboard.md.\n",
                           .type = "text/plain; charset=utf-8"};
  });
}

}  // namespace tidings::cli
