/* SPDX-License-Identifier: MIT */
/* map_html.c - spill map: a page for a browser, in one file
 *
 * The heat map is SVG.  Its cells stand for as many pages as it takes to keep it small.  Without
 * scripts each cell still says what is in it.  Scripts zoom, and draw a chunk's pages as textbooks
 * do: pages on the left, the frames that hold them in the middle, slots on the right.
 */
#include "base/page.h"
#include "base/size.h"
#include "common/html.h"
#include "map/map.h"
#include "store/swap.h"
#include <inttypes.h>

/* Cells of the heat map: how many to a row, the size of one, and the number of rows. */
#define A_ROW 128
#define ROWS 48
#define CELL 8
#define LABEL 112

static const char *const classes[PICTURE_STATES] = { "a", "r", "c", "s", "f", "p", "k" };

static const char style[] =
	":root{--hot:#d7301f;--resident:#fc8d59;--cached:#fdd49e;--swapped:#7fa8d1;"
	"--absent:#eceef1;--filling:#8c6bb1;--poisoned:#000;--compressed:#74c476}\n"
	"@media(prefers-color-scheme:dark){:root{--hot:#ff5b4a;--resident:#e07b45;"
	"--cached:#b8935a;--swapped:#456f9c;--absent:#24282e;--filling:#a98bd0;"
	"--poisoned:#fff;--compressed:#3f8f4d}}\n"
	"#picture text{font-size:7.5px;fill:var(--dim)}\n"
	".h{fill:var(--hot)}.r{fill:var(--resident)}.c{fill:var(--cached)}.s{fill:var(--swapped)}"
	".a{fill:var(--absent)}.f{fill:var(--filling)}.p{fill:var(--poisoned)}"
	".k{fill:var(--compressed)}\n"
	"rect[data-a]{cursor:pointer}rect[data-a]:hover,.chosen{stroke:var(--text);stroke-width:1.5}\n"
	"#told{font-family:monospace;min-height:1.5em;color:var(--dim)}button{font:inherit}\n"
	"path{fill:none;stroke:var(--dim);stroke-width:.7}.frame{stroke:var(--line)}\n"
	"#picture{cursor:grab;touch-action:none}\n";

static const char script[] =
	"<script>\n"
	"'use strict';\n"
	"const svg=document.getElementById('picture'),told=document.getElementById('told');\n"
	"const full=svg.viewBox.baseVal,all=[full.x,full.y,full.width,full.height];\n"
	"let view=all.slice();\n"
	"const show=()=>svg.setAttribute('viewBox',view.join(' '));\n"
	"function zoom(by,x,y){const w=Math.min(all[2],Math.max(60,view[2]*by)),k=w/view[2];\n"
	" view=[x-(x-view[0])*k,y-(y-view[1])*k,w,view[3]*k];if(w===all[2])view=all.slice();show();}\n"
	"function at(e){const b=svg.getBoundingClientRect();\n"
	" return [view[0]+(e.clientX-b.left)/b.width*view[2],view[1]+(e.clientY-b.top)/b.height*view[3]];}\n"
	"svg.addEventListener('wheel',e=>{e.preventDefault();zoom(e.deltaY<0?0.8:1.25,...at(e));},"
	"{passive:false});\n"
	"let drag=null,moved=false;\n"
	"svg.addEventListener('pointerdown',e=>{drag=at(e);moved=false;});\n"
	"window.addEventListener('pointerup',()=>drag=null);\n"
	"svg.addEventListener('pointermove',e=>{\n"
	" const a=e.target.dataset&&e.target.dataset.a;\n"
	" if(a)told.textContent=e.target.querySelector('title').textContent;\n"
	" if(!drag)return;const p=at(e);\n"
	" if(Math.abs(p[0]-drag[0])+Math.abs(p[1]-drag[1])>3){moved=true;\n"
	"  view[0]+=drag[0]-p[0];view[1]+=drag[1]-p[1];show();}});\n"
	"const middle=()=>[view[0]+view[2]/2,view[1]+view[3]/2];\n"
	"document.getElementById('in').onclick=()=>zoom(0.6,...middle());\n"
	"document.getElementById('out').onclick=()=>zoom(1/0.6,...middle());\n"
	"document.getElementById('whole').onclick=()=>{view=all.slice();show();};\n"
	"const NAMES={h:'resident, hot',r:'resident',c:'cached',s:'swapped',a:'absent',f:'filling',"
	"p:'poisoned',k:'compressed'};\n"
	"const bit=(m,i)=>(m>>BigInt(i))&1n;\n"
	"function stateOf(c,i){return bit(c.p,i)?'p':bit(c.f,i)?'f':bit(c.r,i)?(bit(c.h,i)?'h':'r'):\n"
	" bit(c.c,i)?'c':bit(c.k,i)?'k':bit(c.s,i)?'s':'a';}\n"
	"const chunks=DATA.chunks.map(([a,r,c,k,s,f,p,h,slots])=>{const n=x=>BigInt('0x'+(x||'0'));\n"
	" return {a:n(a),r:n(r),c:n(c),k:n(k),s:n(s),f:n(f),p:n(p),h:n(h),slots};});\n"
	"function el(name,attributes,text){const e=document.createElementNS("
	"'http://www.w3.org/2000/svg',name);\n"
	" for(const k in attributes)e.setAttribute(k,attributes[k]);\n"
	" if(text!==undefined){const t=name==='text'?e:e.appendChild(document.createElementNS("
	"'http://www.w3.org/2000/svg','title'));t.textContent=text;}return e;}\n"
	"let chosen=0;\n"
	"function draw(){const out=document.getElementById('chunk');out.replaceChildren();\n"
	" const c=chunks[chosen];if(!c)return;\n"
	" document.getElementById('which').textContent=c.a.toString(16)+' ('+(chosen+1)+' of '+"
	"chunks.length+')';\n"
	" const y=i=>24+i*12,put=(...x)=>out.appendChild(el(...x));\n"
	" put('text',{x:150,y:14},'pages');put('text',{x:480,y:14},'frames');"
	"put('text',{x:810,y:14},'swap slots');\n"
	" const slots=[],tip=out.appendChild(el('marker',{id:'tip',viewBox:'0 0 6 6',refX:6,refY:3,"
	"markerWidth:6,markerHeight:6,orient:'auto'}));\n"
	" tip.appendChild(el('path',{d:'M0 0L6 3L0 6Z',style:'fill:var(--dim);stroke:none'}));\n"
	" for(let i=0;i<64;i++){const k=stateOf(c,i);\n"
	"  const address=(c.a+BigInt(i)*BigInt(DATA.page)).toString(16);\n"
	"  const slot=c.slots&&bit(c.s,i)?c.slots[i]:null;\n"
	"  const text=address+': '+NAMES[k]+(slot?', slot '+slot:'');\n"
	"  put('text',{x:44,y:y(i)+9},i%8?'':address);\n"
	"  put('rect',{x:150,y:y(i),width:110,height:10,class:k},text);\n"
	"  if('hrc'.includes(k)){put('path',{d:`M260 ${y(i)+5}H480`,'marker-end':'url(#tip)'});\n"
	"   put('rect',{x:480,y:y(i),width:110,height:10,class:k+' frame'},"
	"text+(k==='c'?': its frame waits in a tray':': its frame is mapped'));}\n"
	"  if(bit(c.s,i)&&c.slots)slots.push([c.slots[i],i,k,text]);}\n"
	" slots.sort((a,b)=>{const [p,q]=a[0].split(':').map(Number),[r,s]=b[0].split(':').map(Number);"
	"return p-r||q-s;});\n"
	" slots.forEach(([slot,i,k,text],n)=>{\n"
	"  const from=k==='s'?260:590;\n"
	"  put('path',{d:`M${from} ${y(i)+5}L810 ${y(n)+5}`,'stroke-dasharray':k==='s'?'none':'3 3',"
	"'marker-end':'url(#tip)'});\n"
	"  put('rect',{x:810,y:y(n),width:110,height:10,class:'s frame'},text);\n"
	"  put('text',{x:926,y:y(n)+9},n&&sequel(slots[n-1][0],slot)?'':slot);});\n"
	" if(!c.slots&&c.s)put('text',{x:810,y:34},'(too many chunks: slots are left out)');}\n"
	"function sequel(a,b){const [p,q]=a.split(':').map(Number),[r,s]=b.split(':').map(Number);"
	"return p===r&&q+1===s;}\n"
	"function choose(n){chosen=Math.max(0,Math.min(chunks.length-1,n));draw();}\n"
	"svg.addEventListener('click',e=>{const a=e.target.dataset&&e.target.dataset.a;if(!a||moved)return;\n"
	" document.querySelectorAll('.chosen').forEach(x=>x.classList.remove('chosen'));\n"
	" e.target.classList.add('chosen');const n=BigInt('0x'+a);\n"
	" let k=chunks.findIndex(c=>c.a+64n*BigInt(DATA.page)>n);choose(k<0?chunks.length-1:k);});\n"
	"document.getElementById('previous').onclick=()=>choose(chosen-1);\n"
	"document.getElementById('next').onclick=()=>choose(chosen+1);\n"
	"function variety(c){return ['r','c','s','h'].filter(k=>c[k]).length;}\n"
	"choose(chunks.reduce((best,c,i)=>variety(c)>variety(chunks[best])?i:best,0));\n"
	"</script>\n";

/* -- the heat map -------------------------------------------------------------------------- */

static void put_title(FILE *file, uint64_t start, uint64_t end, const struct picture_count *count)
{
	char size[SIZE_TEXT];
	const char *before = ": ";

	fprintf(file, "<title>%" PRIx64 ", %s", start, size_format(size, end - start));
	for (unsigned state = 0; state < PICTURE_STATES; state++) {
		if (!count->of[state])
			continue;
		fprintf(file, "%s%" PRIu64 " %s", before, count->of[state],
			picture_state_names[state]);
		before = ", ";
	}
	if (count->hot)
		fprintf(file, ", %" PRIu64 " hot", count->hot);
	fputs("</title>", file);
}

static void put_cell(FILE *file, const struct picture *picture, uint64_t start, uint64_t end,
		     unsigned x, unsigned y)
{
	struct picture_count count = picture_count(picture, start, end);
	bool hot;
	enum spill_page_state state = picture_summary(&count, &hot);

	fprintf(file,
		"<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" class=\"%s\" data-a=\"%" PRIx64
		"\">",
		LABEL + x * CELL, y, CELL - 1, CELL - 1, hot ? "h" : classes[state], start);
	put_title(file, start, end, &count);
	fputs("</rect>\n", file);
}

/* Returns where the next one goes. */
static unsigned put_stretch(FILE *file, const struct picture *picture,
			    const struct picture_stretch *stretch, uint64_t cell, unsigned y)
{
	uint64_t row = cell * A_ROW;

	for (uint64_t at = stretch->start; at < stretch->end; y += CELL) {
		uint64_t row_end = (at / row + 1) * row;
		unsigned x = (unsigned)((at % row) / cell);

		row_end = row_end < stretch->end ? row_end : stretch->end;
		fprintf(file, "<text x=\"0\" y=\"%u\">%" PRIx64 "</text>\n", y + CELL, at);
		for (uint64_t end; at < row_end; at = end, x++) {
			end = (at / cell + 1) * cell;
			end = end < row_end ? end : row_end;
			put_cell(file, picture, at, end, x, y);
		}
	}
	return y + CELL;
}

static unsigned height(const struct picture *picture, uint64_t cell)
{
	uint64_t rows = 0, row = cell * A_ROW;

	for (size_t i = 0; i < picture->stretches; i++)
		rows += map_rows(&picture->stretch[i], row) + 1;
	return (unsigned)rows * CELL;
}

static void put_picture(FILE *file, const struct picture *picture, uint64_t cell)
{
	unsigned y = 0;

	fprintf(file,
		"<svg id=\"picture\" viewBox=\"0 0 %u %u\" role=\"img\" "
		"aria-label=\"heat map of the address space\">\n",
		LABEL + A_ROW * CELL, height(picture, cell));
	for (size_t i = 0; i < picture->stretches; i++)
		y = put_stretch(file, picture, &picture->stretch[i], cell, y);
	fputs("</svg>\n", file);
}

static void put_legend(FILE *file)
{
	static const char *const texts[][2] = {
		{ "h", "resident and hot" },
		{ "r", "resident" },
		{ "c", "cached: evicted, still in memory" },
		{ "s", "on swap space" },
		{ "a", "absent: never touched" },
		{ "f", "being read" },
		{ "p", "lost" },
	};

	fputs("<p class=\"legend\">", file);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		fprintf(file,
			"<span><svg viewBox=\"0 0 10 10\"><rect width=\"10\" height=\"10\" "
			"class=\"%s\"/></svg> %s</span>\n",
			texts[i][0], texts[i][1]);
	fputs("</p>\n", file);
}

/* -- what scripts draw from ---------------------------------------------------------------- */

static void put_mask(FILE *file, uint64_t mask)
{
	if (mask)
		fprintf(file, ",\"%" PRIx64 "\"", mask);
	else
		fputs(",0", file);
}

static void put_slots(FILE *file, const struct inquiry_pages *pages)
{
	const char *before = "";

	fputs(",[", file);
	for (unsigned i = 0; i < CHUNK_PAGES; i++) {
		uint64_t slot = pages->slot[i];

		if (pages->row.swapped & mask_bit(i))
			fprintf(file, "%s\"%u:%" PRIu64 "\"", before, slot_space(slot),
				slot_number(slot));
		else
			fprintf(file, "%s0", before);
		before = ",";
	}
	fputs("]", file);
}

static void put_data(FILE *file, const struct picture *picture)
{
	fprintf(file, "<script>const DATA={page:%zu,chunks:[", page_size());
	for (size_t i = 0; i < picture->ask.count; i++) {
		const struct inquiry_row *row = &picture->ask.row[i];

		fprintf(file, "%s[\"%" PRIx64 "\"", i ? ",\n" : "\n", row->address);
		put_mask(file, row->resident);
		put_mask(file, row->cached);
		put_mask(file, row->compressed);
		put_mask(file, row->swapped);
		put_mask(file, row->filling);
		put_mask(file, row->poisoned);
		put_mask(file, row->hot);
		if (picture->ask.pages && row->swapped)
			put_slots(file, &picture->ask.pages[i]);
		fputc(']', file);
	}
	fputs("]};</script>\n", file);
}

void map_write_html(FILE *file, const struct map *map)
{
	uint64_t cell = map->cell ? map->cell : map_fit(&map->picture, ROWS, A_ROW);
	char size[3][SIZE_TEXT], title[96];

	snprintf(title, sizeof(title), "Where the pages of %s (%" PRIu32 ") are", map->name,
		 map->pid);
	html_begin(file, title, style);
	fprintf(file, "<p>It holds %s of a budget of %s. A cell is %s.</p>\n",
		size_format(size[0], map->held),
		map->budget ? size_format(size[1], map->budget) : "unknown size",
		size_format(size[2], cell));
	put_legend(file);
	fputs("<p><button id=\"in\">zoom in</button> <button id=\"out\">zoom out</button> "
	      "<button id=\"whole\">all of it</button> &nbsp; the wheel zooms, dragging moves, a "
	      "click shows the pages</p>\n<div id=\"told\"></div>\n",
	      file);
	put_picture(file, &map->picture, cell);
	fputs("<h2>The chunk at <span id=\"which\"></span> "
	      "<button id=\"previous\">previous</button> <button id=\"next\">next</button></h2>\n"
	      "<svg id=\"chunk\" viewBox=\"0 0 1040 800\" role=\"img\" aria-label=\"pages, their "
	      "frames and slots\"></svg>\n",
	      file);
	put_data(file, &map->picture);
	fputs(script, file);
	html_end(file);
}
