import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What gofmt's module exports, as its own glue uses it. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  _initialize(): void;
  /** Room for a source text of so many bytes. */
  alloc(bytes: number): number;
  /** 0: as it was; 1: formatted anew; others: an error's text. */
  format(): number;
  output_ptr(): number;
  output_len(): number;
  dispose(): void;
}

/**
 * Formats Go source with Go's own printer (npm @wasm-fmt/gofmt: Go, compiled by TinyGo), on any WebAssembly.
 * @param functions how many functions the source has
 * @throws Error of code MODULE_NOT_FOUND if the package is not installed
 */
export async function formatGo(webAssembly: typeof WebAssembly, functions: number): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@wasm-fmt/gofmt');
  const bytes = new Uint8Array(readFileSync(join(dirname(entry), 'gofmt.wasm')));
  const { instance } = await webAssembly.instantiate(bytes, {});
  const gofmt = instance.exports as unknown as Exports;
  gofmt._initialize();
  const source = new TextEncoder().encode(goSource(functions));
  const at = gofmt.alloc(source.length);
  new Uint8Array(gofmt.memory.buffer, at, source.length).set(source);
  const state = gofmt.format();
  const output = Buffer.from(gofmt.memory.buffer, gofmt.output_ptr(), gofmt.output_len()).toString();
  gofmt.dispose();
  if (state !== 1) throw new Error(`gofmt says ${output}`);
  return output;
}

/** A program that no one has formatted. */
function goSource(functions: number): string {
  const bodies = Array.from(
    { length: functions },
    (_, i) => `
// sum${i} adds what is in the list ,twice if it is  even
func   sum${i}( list []int,limit int )(total int,err error){
for i:=0;i<len( list );i++ { if list[i]%2==0{ total+=2*list[ i ] }else if list[i]>limit {
return 0,fmt.Errorf("element %d is %v" ,i,list [i])} else { total += list[i]+${i} } }
m:=map[string]struct{a,b int}{"first":{1,2},"second" : {3 , 4}}
switch {case len(m)>1: total<<=1
default: total&^=3 }
return total,nil}
`,
  );
  return `package   main\nimport "fmt"\n${bodies.join('')}\nfunc main( ){ fmt.Println( sum0([]int{1,2,3},10) ) }\n`;
}
