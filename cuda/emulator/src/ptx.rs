//! Runs PTX itself, instruction by instruction.
//!
//! The executor runs the kernels as the compiler makes them for this machine. Here it runs what the compiler has made for
//! GPUs: the text that `trueloss-cuda` ships, with the structures that its host side passes. That shows mistakes
//! of either, and of the assembly in `cuda/kernels/src/ptx.rs`. What it can't show is what NVIDIA's assembler makes of it.
//!
//! Only what is in those texts is understood; all else is refused when the text is read. Beyond what an instruction
//! does, three things are checked: memory is accessed at multiples of the access's size, all threads of a warp
//! shuffle at the same instruction, and all those of a block wait at the same barrier.
//!
//! Source: <https://docs.nvidia.com/cuda/parallel-thread-execution>

use std::collections::HashMap;
use trueloss_kernels::Machine;

/// A text, read.
#[derive(Default)]
pub(crate) struct Program {
    functions: Vec<Function>,
    names: HashMap<String, usize>,
    globals: Vec<u64>,
    shared: usize,
}

struct Function {
    is_entry: bool,
    code: Vec<Instruction>,
    registers: usize,
    /// Where its parameters and its result lie, with their sizes.
    parameters: Vec<Place>,
    result: Option<Place>,
    /// How many bytes parameters take, its own and those of its calls, and how many its stack.
    parameter_space: usize,
    stack: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    offset: usize,
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Bits,
    Unsigned,
    Signed,
    Float,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Type {
    kind: Kind,
    bits: u32,
}

impl Type {
    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// A number of this type as an integer of 64 bits.
    fn extend(self, bits: u64) -> u64 {
        if self.kind == Kind::Signed {
            let unused = 64 - self.bits;
            ((bits << unused) as i64 >> unused) as u64
        } else {
            bits & self.mask()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operand {
    None,
    Register(usize),
    Number(u64),
    Thread,
    Block,
    Blocks,
    Parameter(usize),
    Stack(usize),
    Shared(usize),
    Global(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    MultiplyWide,
    MultiplyAdd,
    Divide,
    Reciprocal,
    Remainder,
    Negate,
    Absolute,
    And,
    Or,
    Xor,
    Not,
    ShiftLeft,
    ShiftRight,
    Select,
    Compare(Comparison),
    Convert(Type),
    Minimum,
    Maximum,
    CountOnes,
    CountLeadingZeros,
    ExtractField,
    Move,
    Split,
    Join,
    Load(usize),
    Store(usize),
    Shuffle,
    Barrier,
    AtomicMaximum,
    Branch(usize),
    BranchByIndex(usize),
    Call(usize),
    Return,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    IsNumber,
    IsNan,
    /// Of floating-point numbers, true where one is NaN.
    OrNan(&'static Comparison),
}

#[derive(Clone, Debug)]
struct Instruction {
    line: usize,
    /// Only where this register is so.
    guard: Option<(usize, bool)>,
    operation: Operation,
    of: Type,
    to: [Operand; 2],
    from: [Operand; 4],
    /// What is added to an address.
    offset: i64,
    /// Of a branch by index, where to; of a call, the arguments' places.
    table: Vec<usize>,
    /// Of a call.
    result: Option<Place>,
}

type Fault = String;

impl Program {
    /// Reads a text.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let mut reader = Reader::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.split("//").next().unwrap_or("").trim();
            if !line.is_empty() {
                reader
                    .line(number + 1, line)
                    .map_err(|why| format!("line {}: {why}: {line}", number + 1))?;
            }
        }
        Ok(reader.program)
    }

    /// The entry of this name, and the size of its arguments.
    pub(crate) fn entry(&self, name: &str) -> Option<(usize, usize)> {
        let &index = self.names.get(name)?;
        let function = &self.functions[index];
        let size = function.parameters.first()?.size;
        function.is_entry.then_some((index, size))
    }

    /// Room for what the threads of a block share.
    pub(crate) fn shared(&self) -> Vec<u64> {
        vec![0xa5a5_a5a5_a5a5_a5a5; self.shared.div_ceil(8)]
    }

    /// Runs one thread of an entry.
    ///
    /// # Safety
    ///
    /// `args` is what the entry takes, and the addresses in it are good; `shared` is room for this block.
    pub(crate) unsafe fn run<M: Machine>(
        &self,
        machine: M,
        entry: usize,
        args: *const u8,
        shared: *mut u64,
    ) {
        let thread = Running {
            program: self,
            machine,
            shared: shared as u64,
        };
        let function = &self.functions[entry];
        let mut space = vec![0_u128; function.parameter_space.div_ceil(16)];
        let Place { offset, size } = function.parameters[0];
        // SAFETY: the caller's promise.
        unsafe {
            let to = space.as_mut_ptr().cast::<u8>().add(offset);
            to.copy_from_nonoverlapping(args, size);
        }
        thread.function(entry, space);
    }
}

struct Running<'a, M> {
    program: &'a Program,
    machine: M,
    shared: u64,
}

impl<M: Machine> Running<'_, M> {
    /// Runs a function with its parameters in place, and returns the places, where its result is.
    fn function(&self, index: usize, mut parameters: Vec<u128>) -> Vec<u128> {
        let function = &self.program.functions[index];
        let mut registers = vec![0_u64; function.registers];
        let mut stack = vec![0xa5a5_u128; function.stack.div_ceil(16)];
        let parameter_address = parameters.as_mut_ptr() as u64;
        let stack_address = stack.as_mut_ptr() as u64;
        let mut at = 0;
        loop {
            let i = &function.code[at];
            at += 1;
            if i.guard
                .is_some_and(|(register, is)| (registers[register] & 1 == 1) != is)
            {
                continue;
            }
            let value = |operand: Operand| match operand {
                Operand::Register(register) => registers[register],
                Operand::Number(number) => number,
                Operand::Thread => self.machine.thread() as u64,
                Operand::Block => self.machine.block() as u64,
                Operand::Blocks => self.machine.blocks() as u64,
                Operand::Parameter(offset) => parameter_address + offset as u64,
                Operand::Stack(offset) => stack_address + offset as u64,
                Operand::Shared(offset) => self.shared + offset as u64,
                Operand::Global(offset) => self.program.globals.as_ptr() as u64 + offset as u64,
                Operand::None => 0,
            };
            let [a, b, c, d] = i.from.map(value);
            let address = |operand: u64, size: u32| {
                let address = operand.wrapping_add_signed(i.offset);
                let size = u64::from(size);
                assert!(
                    address.is_multiple_of(size),
                    "line {}: {address:x} is no multiple of {size}",
                    i.line
                );
                address
            };
            let same_line = |first: u64| {
                assert_eq!(
                    first, i.line as u64,
                    "threads meet at lines {first} and {}",
                    i.line
                );
            };
            match i.operation {
                Operation::Load(count) => {
                    let size = i.of.bits / 8;
                    let first = address(a, size * count as u32);
                    for (k, &to) in i.to.iter().enumerate().take(count) {
                        // SAFETY: that of `Program::run`: the program's addresses are good.
                        let loaded = unsafe { load(first + k as u64 * u64::from(size), size) };
                        set(&mut registers, to, i.of.extend(loaded));
                    }
                }
                Operation::Store(count) => {
                    let size = i.of.bits / 8;
                    let first = address(a, size * count as u32);
                    for (k, &what) in [b, c].iter().enumerate().take(count) {
                        // SAFETY: as above.
                        unsafe { store(first + k as u64 * u64::from(size), size, what) };
                    }
                }
                Operation::AtomicMaximum => {
                    // SAFETY: as above.
                    unsafe { self.machine.maximum(address(a, 8), b) };
                }
                Operation::Shuffle => {
                    assert_eq!((c, d as u32), (31, u32::MAX), "line {}: not of all", i.line);
                    same_line(self.machine.shuffle(i.line as u64, 0));
                    let got = self.machine.shuffle(a, (b & 31) as usize);
                    set(&mut registers, i.to[0], got & i.of.mask());
                }
                Operation::Barrier => same_line(self.machine.exchange(i.line as u64, 0)),
                Operation::Branch(to) => at = to,
                Operation::BranchByIndex(_) => at = i.table[a as usize],
                Operation::Return => return parameters,
                Operation::Call(callee) => {
                    let of = &self.program.functions[callee];
                    let mut space = vec![0_u128; of.parameter_space.div_ceil(16)];
                    for (place, &from) in of.parameters.iter().zip(&i.table) {
                        copy(&parameters, from, &mut space, place.offset, place.size);
                    }
                    let space = self.function(callee, space);
                    if let (Some(from), Some(to)) = (of.result, i.result) {
                        copy(&space, from.offset, &mut parameters, to.offset, to.size);
                    }
                }
                Operation::Split => {
                    set(&mut registers, i.to[0], a & 0xffff_ffff);
                    set(&mut registers, i.to[1], a >> 32);
                }
                Operation::Join => set(&mut registers, i.to[0], a & 0xffff_ffff | b << 32),
                operation => {
                    let result = compute(operation, i.of, [a, b, c]);
                    set(&mut registers, i.to[0], result);
                }
            }
        }
    }
}

fn set(registers: &mut [u64], to: Operand, value: u64) {
    if let Operand::Register(register) = to {
        registers[register] = value;
    }
}

/// # Safety
///
/// `size` bytes lie there.
unsafe fn load(address: u64, size: u32) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            1 => u64::from((address as *const u8).read()),
            2 => u64::from((address as *const u16).read()),
            4 => u64::from((address as *const u32).read()),
            _ => (address as *const u64).read(),
        }
    }
}

/// # Safety
///
/// There is room for `size` bytes.
unsafe fn store(address: u64, size: u32, value: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            1 => (address as *mut u8).write(value as u8),
            2 => (address as *mut u16).write(value as u16),
            4 => (address as *mut u32).write(value as u32),
            _ => (address as *mut u64).write(value),
        }
    }
}

fn copy(from: &[u128], at: usize, to: &mut [u128], place: usize, size: usize) {
    let bytes = |space: &[u128]| size_of_val(space);
    assert!(at + size <= bytes(from) && place + size <= bytes(to));
    // SAFETY: both lie within their slices.
    unsafe {
        let from = from.as_ptr().cast::<u8>().add(at);
        to.as_mut_ptr()
            .cast::<u8>()
            .add(place)
            .copy_from_nonoverlapping(from, size);
    }
}

/// What an instruction makes of its operands.
fn compute(operation: Operation, of: Type, [a, b, c]: [u64; 3]) -> u64 {
    let bits = match (operation, of) {
        // Moves and selections look at no bits.
        (Operation::Move, _) => a,
        (Operation::Select, _) => {
            if c & 1 == 1 {
                a
            } else {
                b
            }
        }
        (Operation::Convert(from), _) => return convert(of, from, a),
        (
            _,
            Type {
                kind: Kind::Float,
                bits: 64,
            },
        ) => {
            return float(operation, [a, b].map(f64::from_bits), f64::to_bits);
        }
        (
            _,
            Type {
                kind: Kind::Float, ..
            },
        ) => {
            let numbers = [a, b].map(|bits| f64::from(f32::from_bits(bits as u32)));
            assert!(
                !matches!(
                    operation,
                    Operation::Add
                        | Operation::Subtract
                        | Operation::Multiply
                        | Operation::Divide
                        | Operation::Reciprocal
                ),
                "no kernel computes in f32"
            );
            return float(operation, numbers, |x| u64::from((x as f32).to_bits()));
        }
        _ => integer(operation, of, [a, b, c]),
    };
    bits & of.mask()
}

fn float(operation: Operation, [a, b]: [f64; 2], bits: fn(f64) -> u64) -> u64 {
    bits(match operation {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        Operation::Divide => a / b,
        Operation::Negate => -a,
        Operation::Absolute => a.abs(),
        Operation::Reciprocal => 1.0 / a,
        Operation::Minimum => a.min(b),
        Operation::Maximum => a.max(b),
        Operation::Compare(comparison) => return compare_floats(comparison, a, b).into(),
        other => panic!("{other:?} of floating-point numbers"),
    })
}

fn compare_floats(comparison: Comparison, a: f64, b: f64) -> bool {
    let nan = a.is_nan() || b.is_nan();
    match comparison {
        Comparison::OrNan(comparison) => nan || compare_floats(*comparison, a, b),
        Comparison::IsNan => nan,
        Comparison::IsNumber => !nan,
        Comparison::Equal => a == b,
        Comparison::NotEqual => !nan && a != b,
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
    }
}

fn integer(operation: Operation, of: Type, numbers: [u64; 3]) -> u64 {
    let [a, b, c] = numbers.map(|number| of.extend(number));
    let signed = of.kind == Kind::Signed;
    let less = |a: u64, b: u64| if signed { (a as i64) < b as i64 } else { a < b };
    // A shift's distance is a number of 32 bits, whatever is shifted.
    let distance = numbers[1] as u32;
    match operation {
        Operation::Add => a.wrapping_add(b),
        Operation::Subtract => a.wrapping_sub(b),
        Operation::Multiply | Operation::MultiplyWide => a.wrapping_mul(b),
        Operation::MultiplyAdd => a.wrapping_mul(b).wrapping_add(c),
        Operation::Divide if !signed => a / b,
        Operation::Remainder if !signed => a % b,
        Operation::Negate => a.wrapping_neg(),
        Operation::And => a & b,
        Operation::Or => a | b,
        Operation::Xor => a ^ b,
        Operation::Not => !a,
        Operation::ShiftLeft if distance >= of.bits => 0,
        Operation::ShiftLeft => a << distance,
        Operation::ShiftRight if signed => (a as i64 >> distance.min(63)) as u64,
        Operation::ShiftRight if distance >= of.bits => 0,
        Operation::ShiftRight => a >> distance,
        Operation::Minimum => {
            if less(b, a) {
                b
            } else {
                a
            }
        }
        Operation::Maximum => {
            if less(a, b) {
                b
            } else {
                a
            }
        }
        Operation::CountOnes => u64::from(a.count_ones()),
        Operation::CountLeadingZeros => u64::from(a.leading_zeros() - (64 - of.bits)),
        Operation::ExtractField if !signed => {
            let (start, len) = (numbers[1] as u32 & 255, numbers[2] as u32 & 255);
            a.checked_shr(start).unwrap_or(0)
                & 1_u64.checked_shl(len).map_or(u64::MAX, |end| end - 1)
        }
        Operation::Compare(comparison) => u64::from(match comparison {
            Comparison::Equal => a == b,
            Comparison::NotEqual => a != b,
            Comparison::Less => less(a, b),
            Comparison::LessOrEqual => !less(b, a),
            Comparison::Greater => less(b, a),
            Comparison::GreaterOrEqual => !less(a, b),
            other => panic!("{other:?} of integers"),
        }),
        other => panic!("{other:?} of {of:?}"),
    }
}

fn convert(to: Type, from: Type, bits: u64) -> u64 {
    match (to.kind, to.bits, from.kind, from.bits) {
        (Kind::Float, 64, Kind::Float, 32) => f64::from(f32::from_bits(bits as u32)).to_bits(),
        (Kind::Float, 32, Kind::Float, 64) => u64::from((f64::from_bits(bits) as f32).to_bits()),
        (Kind::Float, 64, Kind::Signed, _) => (from.extend(bits) as i64 as f64).to_bits(),
        (Kind::Float, 64, _, _) => (from.extend(bits) as f64).to_bits(),
        (Kind::Float, ..) | (_, _, Kind::Float, _) => panic!("{to:?} of {from:?}"),
        _ => from.extend(bits) & to.mask(),
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    program: Program,
    /// The names in the function that is being read.
    registers: HashMap<String, usize>,
    places: HashMap<String, Place>,
    symbols: HashMap<String, Operand>,
    labels: HashMap<String, usize>,
    tables: HashMap<String, Vec<String>>,
    /// The table whose labels follow.
    table: Option<String>,
    /// Branches, with the labels that they go to.
    branches: Vec<(usize, String)>,
    /// What is read: nothing, the head of a function, or its body.
    head: bool,
    depth: usize,
}

/// The number that a name like `f32` ends in, and what kind it is.
fn type_of(word: &str) -> Option<Type> {
    if word == "pred" {
        return Some(Type {
            kind: Kind::Bits,
            bits: 1,
        });
    }
    let (kind, bits) = word.split_at_checked(1)?;
    let kind = match kind {
        "b" => Kind::Bits,
        "u" => Kind::Unsigned,
        "s" => Kind::Signed,
        "f" => Kind::Float,
        _ => return None,
    };
    let bits = bits
        .parse()
        .ok()
        .filter(|bits| [8, 16, 32, 64].contains(bits))?;
    Some(Type { kind, bits })
}

/// The name and the number of bytes in `.align 8 .b8 name[24]` or `.b64 name`.
fn declaration(text: &str) -> Result<(&str, usize), Fault> {
    let last = text.split_whitespace().last().unwrap_or("");
    let (name, count) = match last.split_once('[') {
        Some((name, count)) => (
            name,
            count
                .trim_end_matches(']')
                .parse::<usize>()
                .map_err(|_| "a size")?,
        ),
        None => (last, 1),
    };
    let of = text
        .split_whitespace()
        .find_map(|word| type_of(word.strip_prefix('.')?))
        .ok_or("a type")?;
    Ok((name, count * (of.bits / 8) as usize))
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Fault> {
        if let Some(table) = &self.table {
            let labels = line
                .trim_end_matches([';', ','])
                .split(',')
                .map(|label| label.trim().to_owned());
            self.tables.entry(table.clone()).or_default().extend(labels);
            if line.ends_with(';') {
                self.table = None;
            }
            return Ok(());
        }
        if self.depth == 0 {
            return self.outside(line);
        }
        match line {
            "{" => self.depth += 1,
            "}" => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.end()?;
                }
            }
            // A scope on one line.
            _ if line.starts_with('{') && line.ends_with('}') => {
                for part in line[1..line.len() - 1].split(';') {
                    if !part.trim().is_empty() {
                        self.statement(number, part.trim())?;
                    }
                }
            }
            _ if line.ends_with(':') => {
                let at = self.function()?.code.len();
                self.labels
                    .insert(line.trim_end_matches(':').to_owned(), at);
            }
            _ if line.ends_with(".branchtargets") => {
                let name = line.split(':').next().unwrap_or("").to_owned();
                self.table = Some(name);
            }
            _ => self.statement(number, line.strip_suffix(';').ok_or("a statement")?.trim())?,
        }
        Ok(())
    }

    fn function(&mut self) -> Result<&mut Function, Fault> {
        self.program
            .functions
            .last_mut()
            .ok_or_else(|| "a function".to_owned())
    }

    fn outside(&mut self, line: &str) -> Result<(), Fault> {
        let first = line.split_whitespace().next().unwrap_or("");
        match first {
            ".version" | ".target" | ".address_size" | ".reqntid" | ")" => Ok(()),
            ".shared" => {
                let (name, size) = declaration(line.trim_end_matches(';'))?;
                let at = Operand::Shared(self.program.shared);
                self.program.shared += size.next_multiple_of(16);
                self.symbols.insert(name.to_owned(), at);
                Ok(())
            }
            ".global" | ".const" => {
                let (what, bytes) = line.trim_end_matches(';').split_once('=').ok_or("bytes")?;
                let (name, size) = declaration(what)?;
                let at = Operand::Global(self.program.globals.len() * 8);
                let bytes = bytes.trim().trim_matches(['{', '}']).split(',');
                let bytes: Vec<u8> = bytes
                    .map(|byte| byte.trim().parse().map_err(|_| "a byte".to_owned()))
                    .collect::<Result<_, _>>()?;
                if bytes.len() != size {
                    return Err("as many bytes as it says".to_owned());
                }
                for word in bytes.chunks(8) {
                    let mut whole = [0; 8];
                    whole[..word.len()].copy_from_slice(word);
                    self.program.globals.push(u64::from_le_bytes(whole));
                }
                self.symbols.insert(name.to_owned(), at);
                Ok(())
            }
            ".visible" | ".func" => {
                let is_entry = line.contains(".entry");
                self.program.functions.push(Function {
                    is_entry,
                    code: Vec::new(),
                    registers: 0,
                    parameters: Vec::new(),
                    result: None,
                    parameter_space: 0,
                    stack: 0,
                });
                self.head = true;
                let mut rest = line.trim_end_matches('(');
                if let Some((result, after)) =
                    line.split_once('(').and_then(|(_, l)| l.split_once(')'))
                {
                    let (name, size) = declaration(result)?;
                    let place = self.place(name, size)?;
                    self.function()?.result = Some(place);
                    rest = after.trim_end_matches('(');
                }
                let name = rest.split_whitespace().last().ok_or("a name")?;
                let index = self.program.functions.len() - 1;
                self.program.names.insert(name.to_owned(), index);
                Ok(())
            }
            ".param" if self.head => {
                let (name, size) = declaration(line.trim_end_matches(','))?;
                let place = self.place(name, size)?;
                self.function()?.parameters.push(place);
                Ok(())
            }
            "{" => {
                self.head = false;
                self.depth = 1;
                Ok(())
            }
            _ => Err("is not understood".to_owned()),
        }
    }

    /// A place in the function's space for parameters.
    fn place(&mut self, name: &str, size: usize) -> Result<Place, Fault> {
        let function = self.function()?;
        let offset = function.parameter_space;
        function.parameter_space += size.next_multiple_of(16);
        let place = Place { offset, size };
        self.places.insert(name.to_owned(), place);
        Ok(place)
    }

    /// Branches are given where they go to.
    fn end(&mut self) -> Result<(), Fault> {
        let labels = std::mem::take(&mut self.labels);
        let at = |label: &str| {
            labels
                .get(label)
                .copied()
                .ok_or_else(|| format!("no label {label}"))
        };
        let tables = std::mem::take(&mut self.tables);
        for (index, label) in std::mem::take(&mut self.branches) {
            let instruction = &mut self.function()?.code[index];
            match instruction.operation {
                Operation::Branch(_) => instruction.operation = Operation::Branch(at(&label)?),
                _ => {
                    let targets = tables.get(&label).ok_or("a table of labels")?;
                    instruction.table = targets
                        .iter()
                        .map(|label| at(label))
                        .collect::<Result<_, _>>()?;
                }
            }
        }
        self.registers.clear();
        self.places.clear();
        // What is shared stays; a stack is a function's own.
        self.symbols
            .retain(|_, symbol| !matches!(symbol, Operand::Stack(_)));
        Ok(())
    }

    fn register(&mut self, name: &str) -> Result<usize, Fault> {
        if let Some(&register) = self.registers.get(name) {
            return Ok(register);
        }
        let function = self.function()?;
        let register = function.registers;
        function.registers += 1;
        self.registers.insert(name.to_owned(), register);
        Ok(register)
    }

    fn operand(&mut self, text: &str) -> Result<Operand, Fault> {
        let text = text.trim();
        let hex = |digits| u64::from_str_radix(digits, 16).map_err(|_| "a number".to_owned());
        Ok(match text {
            "%tid.x" => Operand::Thread,
            "%ctaid.x" => Operand::Block,
            "%nctaid.x" => Operand::Blocks,
            _ if text.starts_with("0d") || text.starts_with("0f") => {
                Operand::Number(hex(&text[2..])?)
            }
            _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                let number = text.parse::<i64>().map(|number| number as u64);
                Operand::Number(number.or_else(|_| text.parse()).map_err(|_| "a number")?)
            }
            _ if self.symbols.contains_key(text) => self.symbols[text],
            _ if self.places.contains_key(text) => Operand::Parameter(self.places[text].offset),
            _ if text.starts_with('%') || text == "tmp" || text == "place" => {
                Operand::Register(self.register(text)?)
            }
            _ => return Err(format!("no operand is called {text}")),
        })
    }

    /// The operand and the offset in `[%rd1+8]`.
    fn address(&mut self, text: &str) -> Result<(Operand, i64), Fault> {
        let inner = text
            .trim()
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        let inner = inner.ok_or("an address")?;
        match inner.split_once('+') {
            Some((base, offset)) => {
                let offset = offset.parse().map_err(|_| "an offset")?;
                Ok((self.operand(base)?, offset))
            }
            None => Ok((self.operand(inner)?, 0)),
        }
    }

    fn statement(&mut self, line: usize, text: &str) -> Result<(), Fault> {
        let mut i = Instruction {
            line,
            guard: None,
            operation: Operation::Return,
            of: Type {
                kind: Kind::Bits,
                bits: 64,
            },
            to: [Operand::None; 2],
            from: [Operand::None; 4],
            offset: 0,
            table: Vec::new(),
            result: None,
        };
        let mut text = text;
        if let Some(guarded) = text.strip_prefix('@') {
            let (guard, rest) = guarded.split_once(char::is_whitespace).ok_or("a guard")?;
            let is = !guard.starts_with('!');
            i.guard = Some((self.register(guard.trim_start_matches('!'))?, is));
            text = rest.trim();
        }
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let words: Vec<&str> = name.split('.').collect();
        match words[..] {
            ["", "reg" | "pragma"] => return Ok(()),
            ["", "local"] => {
                let (symbol, size) = declaration(text)?;
                let at = Operand::Stack(self.function()?.stack);
                self.function()?.stack += size.next_multiple_of(16);
                self.symbols.insert(symbol.to_owned(), at);
                return Ok(());
            }
            ["", "param"] => {
                let (symbol, size) = declaration(text)?;
                // Scopes that come one after the other may use a name again.
                if self
                    .places
                    .get(symbol)
                    .is_none_or(|place| place.size < size)
                {
                    self.place(symbol, size)?;
                }
                return Ok(());
            }
            _ => self.instruction(&mut i, &words, rest.trim())?,
        }
        self.function()?.code.push(i);
        Ok(())
    }

    fn instruction(
        &mut self,
        i: &mut Instruction,
        words: &[&str],
        rest: &str,
    ) -> Result<(), Fault> {
        let at = self.function()?.code.len();
        let of = words.last().and_then(|word| type_of(word));
        if let Some(of) = of {
            i.of = of;
        }
        match *words {
            ["ret"] => return Ok(()),
            ["bra"] | ["bra", "uni"] => {
                i.operation = Operation::Branch(0);
                self.branches.push((at, rest.to_owned()));
                return Ok(());
            }
            ["brx", "idx"] => {
                let (index, table) = rest.split_once(',').ok_or("a table")?;
                i.operation = Operation::BranchByIndex(0);
                i.from[0] = self.operand(index)?;
                self.branches.push((at, table.trim().to_owned()));
                return Ok(());
            }
            ["call", "uni"] => return self.call(i, rest),
            ["bar", "sync"] => {
                i.operation = Operation::Barrier;
                return if rest == "0" {
                    Ok(())
                } else {
                    Err("the barrier of all".to_owned())
                };
            }
            _ => {}
        }
        // A pair in braces counts as one until it is taken apart.
        let mut operands: Vec<String> = Vec::new();
        for part in rest.split(',') {
            match operands.last_mut() {
                Some(last) if last.contains('{') && !last.contains('}') => {
                    last.push(',');
                    last.push_str(part);
                }
                _ => operands.push(part.trim().to_owned()),
            }
        }
        let pair = |text: &str| -> Option<(String, String)> {
            let (a, b) = text.strip_prefix('{')?.strip_suffix('}')?.split_once(',')?;
            Some((a.trim().to_owned(), b.trim().to_owned()))
        };
        let is_float = of.is_some_and(|of| of.kind == Kind::Float);
        match *words {
            ["ld", .., _] | ["st", .., _] => {
                let count = if words.contains(&"v2") { 2 } else { 1 };
                let is_load = words[0] == "ld";
                let [value, address] = &operands[..] else {
                    return Err("two operands".to_owned());
                };
                let (value, address) = if is_load {
                    (value, address)
                } else {
                    (address, value)
                };
                (i.from[0], i.offset) = self.address(address)?;
                let values = match pair(value) {
                    Some((a, b)) if count == 2 => [self.operand(&a)?, self.operand(&b)?],
                    None if count == 1 => [self.operand(value)?, Operand::None],
                    _ => return Err("as many values as it says".to_owned()),
                };
                if is_load {
                    (i.operation, i.to) = (Operation::Load(count), values);
                } else {
                    i.operation = Operation::Store(count);
                    i.from[1..3].copy_from_slice(&values);
                }
                return Ok(());
            }
            ["red", "global", "max", "u64"] => {
                i.operation = Operation::AtomicMaximum;
                (i.from[0], i.offset) = self.address(&operands[0])?;
                i.from[1] = self.operand(&operands[1])?;
                return Ok(());
            }
            ["mov", "b64"] if operands.iter().any(|operand| operand.starts_with('{')) => {
                if let Some((low, high)) = pair(&operands[0]) {
                    i.operation = Operation::Split;
                    i.to = [self.operand(&low)?, self.operand(&high)?];
                    i.from[0] = self.operand(&operands[1])?;
                } else if let Some((low, high)) = pair(&operands[1]) {
                    i.operation = Operation::Join;
                    i.to[0] = self.operand(&operands[0])?;
                    (i.from[0], i.from[1]) = (self.operand(&low)?, self.operand(&high)?);
                }
                return Ok(());
            }
            _ => {}
        }
        i.operation = match *words {
            // Every operation of floating point that rounds says how: once, to nearest.
            ["add", "rn", _] if is_float => Operation::Add,
            ["sub", "rn", _] if is_float => Operation::Subtract,
            ["mul", "rn", _] if is_float => Operation::Multiply,
            ["div", "rn", _] if is_float => Operation::Divide,
            ["rcp", "rn", _] if is_float => Operation::Reciprocal,
            ["add", _] if !is_float => Operation::Add,
            ["sub", _] if !is_float => Operation::Subtract,
            ["mul", "lo", _] if !is_float => Operation::Multiply,
            ["mad", "lo", _] if !is_float => Operation::MultiplyAdd,
            ["mul", "wide", "u32"] => {
                // Of 32 bits each, into one of 64.
                i.of = Type {
                    kind: Kind::Unsigned,
                    bits: 64,
                };
                Operation::MultiplyWide
            }
            ["div", "u32" | "u64"] => Operation::Divide,
            ["rem", "u32" | "u64"] => Operation::Remainder,
            ["neg", _] => Operation::Negate,
            ["abs", _] if is_float => Operation::Absolute,
            ["and", _] => Operation::And,
            ["or", _] => Operation::Or,
            ["xor", _] => Operation::Xor,
            ["not", _] => Operation::Not,
            ["shl", _] => Operation::ShiftLeft,
            ["shr", _] => Operation::ShiftRight,
            ["selp", _] => Operation::Select,
            ["min", _] => Operation::Minimum,
            ["max", _] => Operation::Maximum,
            ["popc", _] => Operation::CountOnes,
            ["clz", _] => Operation::CountLeadingZeros,
            ["bfe", _] => Operation::ExtractField,
            ["mov", _] | ["cvta", .., "u64"] => Operation::Move,
            ["setp", comparison, _] => Operation::Compare(comparison_of(comparison)?),
            ["shfl", "sync", "idx", "b32"] => Operation::Shuffle,
            ["cvt", to, from] | ["cvt", "rn", to, from] => {
                let (to, from) = type_of(to).zip(type_of(from)).ok_or("types")?;
                // From integers every conversion says how it rounds, one that never has to as well.
                let wider = from.kind == Kind::Float && to.bits == 64 && from.bits == 32;
                let exact = to.kind != Kind::Float || wider;
                if exact == words.contains(&"rn") {
                    return Err("rounds where it should not, or does not say how".to_owned());
                }
                i.of = to;
                Operation::Convert(from)
            }
            _ => return Err("is not understood".to_owned()),
        };
        let (to, from) = operands.split_first().ok_or("operands")?;
        i.to[0] = self.operand(to)?;
        if !matches!(i.to[0], Operand::Register(_)) || from.len() > i.from.len() {
            return Err("a register and what goes there".to_owned());
        }
        for (place, operand) in from.iter().enumerate() {
            i.from[place] = self.operand(operand)?;
        }
        Ok(())
    }

    /// `(retval0), f0, (param0, param1)`, or without a result `f0, (param0, param1)`.
    fn call(&mut self, i: &mut Instruction, rest: &str) -> Result<(), Fault> {
        let parts: Vec<&str> = rest
            .split(['(', ')'])
            .map(|part| part.trim_matches([',', ' ']))
            .collect();
        let (result, name, arguments) = match parts[..] {
            [_, result, name, arguments, _] => (Some(result), name, arguments),
            [name, arguments, _] => (None, name, arguments),
            _ => return Err("a call with arguments".to_owned()),
        };
        let callee = *self
            .program
            .names
            .get(name)
            .ok_or("a function that comes before")?;
        let place = |name: &str| {
            self.places
                .get(name.trim())
                .copied()
                .ok_or_else(|| format!("no place {name}"))
        };
        i.operation = Operation::Call(callee);
        i.result = result.map(place).transpose()?;
        i.table = arguments
            .split(',')
            .map(|name| Ok(place(name)?.offset))
            .collect::<Result<_, Fault>>()?;
        Ok(())
    }
}

fn comparison_of(word: &str) -> Result<Comparison, Fault> {
    Ok(match word {
        "eq" => Comparison::Equal,
        "ne" => Comparison::NotEqual,
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        "num" => Comparison::IsNumber,
        "nan" => Comparison::IsNan,
        "equ" => Comparison::OrNan(&Comparison::Equal),
        "neu" => Comparison::OrNan(&Comparison::NotEqual),
        "ltu" => Comparison::OrNan(&Comparison::Less),
        "leu" => Comparison::OrNan(&Comparison::LessOrEqual),
        "gtu" => Comparison::OrNan(&Comparison::Greater),
        "geu" => Comparison::OrNan(&Comparison::GreaterOrEqual),
        _ => return Err("a comparison".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Order, grid, message};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// A kernel that is given an address.
    fn text(body: &str) -> String {
        format!(
            ".version 6.0\n.target sm_70\n.address_size 64\n.shared .align 8 .b64 trueloss_exchange[256];\n\
             .visible .entry test(\n.param .align 8 .b8 test_param_0[8]\n)\n.reqntid 256, 1, 1\n{{\n\
             ld.param.b64 %rd0, [test_param_0];\nmov.u32 %r0, %tid.x;\ncvt.u64.u32 %rd1, %r0;\n\
             shl.b64 %rd2, %rd1, 3;\nadd.s64 %rd3, %rd0, %rd2;\n{body}\nret;\n}}\n"
        )
    }

    /// What the threads of a block write, each a number to its own place, whose address is in %rd3.
    fn run(body: &str) -> Result<Vec<u64>, String> {
        let program = Program::read(&text(body))?;
        let (entry, size) = program.entry("test").expect("it is there");
        assert_eq!(size, 8);
        let mut out = vec![0_u64; 256];
        let args = out.as_mut_ptr() as u64;
        let mut shared = program.shared();
        let shared = shared.as_mut_ptr();
        let kernel = |thread: crate::executor::Thread<'_>| {
            // SAFETY: the argument is the address of a place for each thread.
            unsafe { program.run(thread, entry, (&raw const args).cast(), shared) };
        };
        let run = || grid("test", 1, Order::Backward, &kernel);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => Ok(out),
            Err(panic) => Err(message(panic.as_ref()).to_owned()),
        }
    }

    #[test]
    fn numbers() {
        // Each instruction, and the number that thread 3 gets.
        let cases = [
            ("add.s64 %rd4, %rd1, -5;", -2_i64 as u64),
            ("mul.lo.s64 %rd4, %rd1, -5;", -15_i64 as u64),
            ("mul.wide.u32 %rd4, %r0, 4294967295;", 3 * 0xffff_ffff),
            ("mad.lo.u64 %rd4, %rd1, 8, %rd1;", 27),
            ("or.b64 %rd5, %rd1, 3;\ndiv.u64 %rd4, 100, %rd5;", 33),
            ("or.b64 %rd5, %rd1, 3;\nrem.u64 %rd4, 100, %rd5;", 1),
            ("shl.b64 %rd4, %rd1, 64;", 0),
            ("mov.b64 %rd5, -16;\nshr.s64 %rd4, %rd5, 2;", -4_i64 as u64),
            ("mov.b64 %rd5, -16;\nshr.u64 %rd4, %rd5, 60;", 15),
            (
                "mov.b32 %r5, -1;\nadd.s32 %r6, %r5, %r0;\ncvt.u64.u32 %rd4, %r6;",
                2,
            ),
            ("popc.b64 %r5, 255;\ncvt.u64.u32 %rd4, %r5;", 8),
            ("clz.b64 %r5, %rd1;\ncvt.u64.u32 %rd4, %r5;", 62),
            ("bfe.u64 %rd4, 1792, 8, 2;", 3),
            ("min.s64 %rd4, %rd1, -1;", u64::MAX),
            ("min.u64 %rd4, %rd1, -1;", 3),
            ("cvt.rn.f64.u64 %rd4, %rd1;", 3_f64.to_bits()),
            (
                "cvt.rn.f64.u64 %rd5, %rd1;\ndiv.rn.f64 %rd4, 0d3FF0000000000000, %rd5;",
                (1.0_f64 / 3.0).to_bits(),
            ),
            (
                "mov.b32 %r5, 0f3FC00000;\ncvt.f64.f32 %rd4, %r5;",
                1.5_f64.to_bits(),
            ),
            (
                "mov.b64 %rd5, 0d3FB999999999999A;\ncvt.rn.f32.f64 %r5, %rd5;\ncvt.u64.u32 %rd4, %r5;",
                u64::from(0.1_f32.to_bits()),
            ),
            (
                "setp.nan.f64 %p1, 0d7FF8000000000000, 0d0000000000000000;\nselp.b64 %rd4, 1, 2, %p1;",
                1,
            ),
            (
                "setp.ne.f64 %p1, 0d7FF8000000000000, 0d0000000000000000;\nselp.b64 %rd4, 1, 2, %p1;",
                2,
            ),
            (
                "setp.neu.f64 %p1, 0d7FF8000000000000, 0d0000000000000000;\nselp.b64 %rd4, 1, 2, %p1;",
                1,
            ),
            (
                "setp.lt.s64 %p1, -1, %rd1;\n@%p1 mov.b64 %rd4, 7;\n@!%p1 mov.b64 %rd4, 8;",
                7,
            ),
            (
                "{ .reg .b32 tmp; mov.b64 {tmp, %r6}, 38654705664; }\ncvt.u64.u32 %rd4, %r6;",
                9,
            ),
            // Of the thread that has the other number in the warp.
            (
                "xor.b32 %r5, %r0, 1;\nshfl.sync.idx.b32 %r6, %r0, %r5, 31, -1;\ncvt.u64.u32 %rd4, %r6;",
                2,
            ),
            (
                "mov.b64 %rd5, trueloss_exchange;\nadd.s64 %rd6, %rd5, %rd2;\nst.shared.u64 [%rd6], %rd1;\nbar.sync 0;\n\
              sub.s64 %rd7, 255, %rd1;\nshl.b64 %rd7, %rd7, 3;\nadd.s64 %rd7, %rd7, %rd5;\nld.shared.u64 %rd4, [%rd7];",
                252,
            ),
        ];
        for (body, expected) in cases {
            let out = run(&format!("{body}\nst.b64 [%rd3], %rd4;")).expect(body);
            assert_eq!(out[3], expected, "{body}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = [
            "fma.rn.f64 %rd4, %rd1, %rd1, %rd1;",
            "add.f64 %rd4, %rd1, %rd1;",
            "mul.rn.ftz.f32 %r4, %r0, %r0;",
            "ex2.approx.f32 %r4, %r0;",
            "cvt.f32.f64 %r4, %rd1;",
            "bra $nowhere;",
            "call.uni (retval0), nothing, (param0);",
        ];
        for body in refused {
            assert!(run(body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_a_gpu_would_not_do_is_found() {
        let faults = [
            ("st.b64 [%rd3+4], %rd1;", "no multiple of 8"),
            (
                "setp.eq.b32 %p1, %r0, 5;\n@%p1 bra $one;\nshfl.sync.idx.b32 %r1, %r0, 0, 31, -1;\nbra.uni $two;\n$one:\n\
              shfl.sync.idx.b32 %r1, %r0, 0, 31, -1;\n$two:",
                "threads meet at lines",
            ),
            (
                "setp.eq.b32 %p1, %r0, 5;\n@%p1 bra $end;\nbar.sync 0;\n$end:",
                "has ended",
            ),
        ];
        for (body, expected) in faults {
            let found = run(body).expect_err(body);
            assert!(found.contains(expected), "{body}: {found}");
        }
    }
}
