"""The icons of the interface: 16 by 16, stroked, drawn here. Imports no Django."""

ICONS: dict[str, str] = {
    "home": '<path d="M2.5 7.5 8 3l5.5 4.5M4 6.5v6.5h8V6.5M6.75 13V9.5h2.5V13"/>',
    "problems": '<path d="M3.5 2.5h9v11h-9zM6 6a2 2 0 1 1 2.6 1.9c-.4.15-.6.4-.6.85v.5M8 '
    '11.4v.1"/>',
    "traces": '<path d="M3 3.5h10M3 6.5h7M3 9.5h10M3 12.5h5"/>',
    "imports": '<path d="M8 2.5v7m0 0 2.75-2.75M8 9.5 5.25 6.75M2.5 10.5v3h11v-3"/>',
    "export": '<path d="M8 9.5v-7m0 0 2.75 2.75M8 2.5 5.25 5.25M2.5 10.5v3h11v-3"/>',
    "runs": '<path d="M5 3.25v9.5L12.5 8z"/>',
    "review": '<path d="M2.5 4h6M2.5 7.5h4M2.5 11h3.5M8 10.5l2 2 4-5"/>',
    "datasets": '<ellipse cx="8" cy="4" rx="5" ry="1.75"/>'
    '<path d="M3 4v8c0 .95 2.25 1.75 5 1.75s5-.8 5-1.75V4M3 8c0 .95 2.25 1.75 5 1.75S13 8.95 13 '
    '8"/>',
    "methods": '<path d="M6.25 2.5h3.5M7 2.5v4l-3.6 5.7a.9.9 0 0 0 .75 1.3h7.7a.9.9 0 0 0 '
    '.75-1.3L9 6.5v-4M5 10h6"/>',
    "people": '<circle cx="6" cy="5.5" r="2.25"/><path d="M2 13c.3-2.4 1.8-3.75 4-3.75S9.7 10.6 '
    '10 13M10.5 3.6a2.1 2.1 0 0 1 0 4M11.5 9.7c1.5.4 2.3 1.6 2.5 3.3"/>',
    "settings": '<path d="M2.5 4.5h6m3 0h2M2.5 11.5h2m3 0h6"/><circle cx="10" cy="4.5" r="1.5"/>'
    '<circle cx="6" cy="11.5" r="1.5"/>',
    "engines": '<rect x="4.5" y="4.5" width="7" height="7" rx="1"/><path d="M6.5 2.5v2m3-2v2m-3 '
    '7v2m3-2v2m-7-7h2m-2 3h2m7-3h2m-2 3h2"/>',
    "search": '<circle cx="7" cy="7" r="4"/><path d="m10 10 3.5 3.5"/>',
    "menu": '<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>',
    "more": '<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.5"/>',
    "chevron": '<path d="m4.5 6.5 3.5 3.5 3.5-3.5"/>',
    "left": '<path d="M9.5 4.5 6 8l3.5 3.5"/>',
    "right": '<path d="M6.5 4.5 10 8l-3.5 3.5"/>',
    "plus": '<path d="M8 3v10M3 8h10"/>',
    "close": '<path d="m4 4 8 8m0-8-8 8"/>',
    "check": '<path d="m3 8.5 3.25 3.25L13 5"/>',
    "pause": '<path d="M5.5 3.5v9m5-9v9"/>',
    "stop": '<rect x="4" y="4" width="8" height="8" rx="1"/>',
    "retry": '<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3"/>',
    "edit": '<path d="m3 13 .6-2.75L10.9 3a1.2 1.2 0 0 1 1.7 0l.4.4a1.2 1.2 0 0 1 0 1.7L5.75 '
    '12.4z"/>',
    "trash": '<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1"/><path d="M3.5 10.5h-1v-8h8v1"/>',
    "person": '<circle cx="8" cy="5.5" r="2.75"/><path d="M2.75 13.5c.4-2.8 2.3-4 5.25-4s4.85 '
    '1.2 5.25 4"/>',
    "sign-out": '<path d="M6.5 2.5h-4v11h4M10 5l3 3-3 3M13 8H6"/>',
    "light": '<circle cx="8" cy="8" r="2.75"/><path d="M8 1.75v1.5m0 9.5v1.5M1.75 8h1.5m9.5 '
    '0h1.5M3.6 3.6l1 1m6.8 6.8 1 1m0-8.8-1 1m-6.8 6.8-1 1"/>',
    "dark": '<path d="M13 9.6A5.5 5.5 0 1 1 6.4 3a4.5 4.5 0 0 0 6.6 6.6z"/>',
    "auto": '<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11z" '
    'fill="currentColor"/>',
    "keys": '<rect x="1.75" y="4" width="12.5" height="8" rx="1"/><path d="M4.5 6.5h.01m2.32 '
    '0h.01m2.32 0h.01m2.32 0h.01M5 9.5h6"/>',
    "info": '<circle cx="8" cy="8" r="5.5"/><path d="M8 7.5v3.25M8 5.25v.1"/>',
    "warn": '<path d="M8 2.75 14 13H2zM8 6.75v3M8 11.4v.1"/>',
    "error": '<path d="M5.7 2.5h4.6l3.2 3.2v4.6l-3.2 3.2H5.7l-3.2-3.2V5.7zM8 5.25V8.5M8 10.6v.1"/>',
    "good": '<circle cx="8" cy="8" r="5.5"/><path d="m5.5 8.25 1.75 1.75L10.5 6.5"/>',
    "clock": '<circle cx="8" cy="8" r="5.5"/><path d="M8 4.75V8l2.25 1.5"/>',
    "flag": '<path d="M3.5 14V2.5h8.5l-2 3 2 3H3.5"/>',
    "history": '<path d="M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3M8 5.25V8l2 1.25"/>',
    "link": '<path d="M7 9a2.5 2.5 0 0 0 3.5 0l2.25-2.25a2.5 2.5 0 0 0-3.5-3.5L8.5 4M9 7a2.5 2.5 '
    '0 0 0-3.5 0L3.25 9.25a2.5 2.5 0 0 0 3.5 3.5L7.5 12"/>',
    "file": '<path d="M4 2.5h5l3 3v8H4zM9 2.5v3h3"/>',
    "filter": '<path d="M2.5 3.5h11L9.5 8.5v4l-3 1.25V8.5z"/>',
    "stillroom": '<path d="M5.5 2.5h3M6 2.5v3.2A4 4 0 1 0 10 12.4c.6-.5 1-1.2 1.2-2M8 2.5v2.75'
    'M10 7l3.5 2v4.5M3.6 10h6.8"/>',
}

# Shapes of marks, filled: each meaning has its own, so that colour is never needed to tell.
SHAPES: dict[str, str] = {
    "disc": '<circle cx="6" cy="6" r="4.5"/>',
    "diamond": '<path d="M6 .75 11.25 6 6 11.25.75 6z"/>',
    "ring": '<circle cx="6" cy="6" r="3.75" fill="none" stroke="currentColor" stroke-width="1.5"/>',
    "triangle": '<path d="M6 1 11.5 10.75H.5z"/>',
    "clock": '<path d="M6 .75a5.25 5.25 0 1 0 0 10.5A5.25 5.25 0 0 0 6 .75m0 1.5A3.75 3.75 0 0 1 '
    '9.75 6H6z" fill-rule="evenodd"/>',
    "question": '<path d="M3.4 4.1a2.6 2.6 0 1 1 3.7 2.4c-.75.35-1.1.75-1.1 1.6M6 10.4v.2" '
    'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round"/>',
    "bang": '<path d="M6 1.25v6M6 10.4v.2" fill="none" stroke="currentColor" stroke-width="2.25" '
    'stroke-linecap="round"/>',
    "dot": '<circle cx="6" cy="6" r="1.75"/>',
    "tick": '<path d="m1.5 6.5 3 3 6-7" fill="none" stroke="currentColor" stroke-width="1.75" '
    'stroke-linecap="round" stroke-linejoin="round"/>',
    "cross": '<path d="m2.25 2.25 7.5 7.5m0-7.5-7.5 7.5" fill="none" stroke="currentColor" '
    'stroke-width="1.75" stroke-linecap="round"/>',
    "play": '<path d="M3 1.25v9.5L10.75 6z"/>',
    "bars": '<path d="M2.5 1.5h2.5v9H2.5zm4.5 0h2.5v9H7z"/>',
    "back": '<path d="M5 2 1.5 5.5 5 9M1.75 5.5H8a2.75 2.75 0 0 1 0 5.5H6.5" fill="none" '
    'stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/>',
    "skip": '<path d="m2 2 4 4-4 4m4.5-8 4 4-4 4" fill="none" stroke="currentColor" '
    'stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/>',
}
