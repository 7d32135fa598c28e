// Validates AsyncAPI documents: NODE_PATH=$(script/asyncapi --path)/node_modules node validate.cjs FILE…
// Errors are printed, and make the exit status 1; a document that it cannot make sense of is one.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

const severe = 0;

async function main(files) {
  let failed = false;
  for (const file of files) {
    const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
    const errors = diagnostics.filter((one) => one.severity === severe);
    for (const one of errors) console.log(`${file}: ${one.code} at ${one.path.join("/")}: ${one.message}`);
    if (!document || errors.length > 0) failed = true;
    else console.log(`${file}: ${document.channels().length} channels, ${document.operations().length} operations`);
  }
  process.exit(failed ? 1 : 0);
}

main(process.argv.slice(2));
