#include "command_line/parser.hpp"

// Commands that look at everything at once.
namespace tidings::cli {

void Parser::add_dashboard() {
  auto* const at =
      command("dashboard", "Everything at once, in a browser: rates, lag, the flow, events, failures, sagas");
  at->add_option("--listen", watching.listen, "Where (127.0.0.1:7077; port 0: any that is free)")
      ->type_name("HOST:PORT");
  at->add_option("--store", watching.stores, "Databases of services, for outbox, inbox and sagas; $TIDINGS_STORE")
      ->type_name("URL");
  at->add_flag("--allow-actions", watching.allow_actions, "Also pause, seek, redrive, drop, steer and publish");
  at->add_option("--token", watching.token_file, "File with the token that who looks must give")->type_name("FILE");
  at->add_option("--tls-cert", watching.certificate_file, "Certificate with its chain, PEM")->type_name("FILE");
  at->add_option("--tls-key", watching.key_file, "Its key, PEM")->type_name("FILE");
  at->add_option("--audit-log", watching.audit_log, "Each action, a JSON object a line, is appended here")
      ->type_name("FILE");
  shows_events(at);
  at->add_flag("--open", watching.open, "Open it in the browser");
  at->add_option("--broker", common.broker, "Broker; $TIDINGS_BROKER, else log:./tidings-data")->type_name("URL");
  at->add_option("--namespace", common.name_space, "Stands before topics and groups; $TIDINGS_NAMESPACE")
      ->type_name("NAME");
  at->footer(
      "It only looks: it makes no topic, and joins no group. Elsewhere than on this machine it is there only with\n"
      "--token and --tls-cert/--tls-key.\n\n"
      "Examples:\n"
      "  tidings dashboard --open\n"
      "  tidings dashboard --broker nats://127.0.0.1:4222 --store sqlite:orders.db --allow-actions --audit-log "
      "audit.jsonl\n"
      "  tidings dashboard --listen 0.0.0.0:7077 --token token --tls-cert cert.pem --tls-key key.pem");

  auto* const top = command("top", "Rates, lag and status of all groups, again and again");
  top->add_flag("--once", topping.once, "Look for some two seconds, print, and end");
  shared(top);
  top->footer(
      "The same as the dashboard's overview, on the terminal; Ctrl-C ends it. --json: a document a second.\n\n"
      "Examples:\n"
      "  tidings top\n"
      "  tidings top --once --json | jq '.groups[] | select(.status != \"ok\")'");

  auto* const why = command("why", "Why an event was not handled: what became of it in every group");
  why->add_option("ID", asking.id, "The event's id")->required()->type_name("");
  why->add_option("--store", asking.stores, "Databases of services, which know what was handled; $TIDINGS_STORE")
      ->type_name("URL");
  why->add_flag("--ask", asking.ask,
                "Also asks the processes that have it in hand which attempts failed, and when it is tried again");
  shared(why);
  why->footer(
      "Of each group on its topic: whether it is handled, parked and why, or waits, and what is in its way; then what\n"
      "it caused.\n\n"
      "Examples:\n"
      "  tidings why 01a216dc-7e46-7019-891e-20c5b4a68351\n"
      "  tidings why 01a216dc-7e46-7019-891e-20c5b4a68351 --store sqlite:inventory.db --json\n"
      "  tidings why 01a216dc-7e46-7019-891e-20c5b4a68351 --ask");
}

}  // namespace tidings::cli
