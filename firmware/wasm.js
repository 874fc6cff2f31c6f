// Runs a program built for wasm32: node wasm.js PROGRAM.wasm
const fs = require('fs');

let memory;
const env = {
  print: (text, len) => fs.writeSync(1, new Uint8Array(memory.buffer, text, len)),
  exit: (code) => process.exit(code),
};
WebAssembly.instantiate(fs.readFileSync(process.argv[2]), { env }).then(({ instance }) => {
  memory = instance.exports.memory;
  instance.exports.main();
});
