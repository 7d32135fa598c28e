#include "testing/servers/certificates.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "testing/servers/server_process.hpp"

namespace tidings::testing {

Result<> Certificates::run(const std::string& arguments) const {
  const auto log = folder_.path() + "/log";
  const auto command = "cd '" + folder_.path() + "' && openssl " + arguments + " >log 2>&1 </dev/null";
  if (std::system(command.c_str()) == 0) return {};
  std::ifstream file(log);
  return Error{"io_error", "openssl " + arguments + ": " + std::string(std::istreambuf_iterator<char>(file), {})};
}

Result<Certificates> Certificates::make() {
  if (auto found = find_server("openssl", "openssl"); !found) return found.error();
  auto folder = TemporaryFolder::make("certificates");
  if (!folder) return folder.error();
  Certificates made(std::move(*folder));
  // What `openssl ca` needs, which alone can give a certificate an end in the past.
  for (const auto* name : {"ca", "foreign-ca"}) {
    const std::string ca(name);
    if (auto done = made.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=" + ca +
                             " -keyout " + ca + ".key -out " + ca + ".pem");
        !done)
      return done.error();
    if (auto done = made.folder_.write(ca + ".index", ""); !done) return done.error();
    if (auto done = made.folder_.write(ca + ".conf",
                                       "[ca]\ndefault_ca=own\n[own]\nnew_certs_dir=.\ndatabase=" + ca +
                                           ".index\ndefault_md=sha256\npolicy=any\nrand_serial=yes\n"
                                           "unique_subject=no\ncopy_extensions=copy\n[any]\ncommonName=supplied\n");
        !done)
      return done.error();
  }
  return made;
}

Result<> Certificates::add(const std::string& name, const Wish& wish) const {
  if (auto asked = run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
                       " -addext subjectAltName=" + wish.hosts + " -keyout " + name + ".key -out " + name + ".csr");
      !asked)
    return asked;
  const std::string days = wish.has_expired ? "-startdate 200101000000Z -enddate 200201000000Z" : "-days 30";
  return run("ca -batch -notext -config " + wish.authority + ".conf -cert " + wish.authority + ".pem -keyfile " +
             wish.authority + ".key " + days + " -in " + name + ".csr -out " + name + ".pem");
}

}  // namespace tidings::testing
