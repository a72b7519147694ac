// What a page does that embeds the element: it listens, and has a function that the model may call.
globalThis.told = [];
globalThis.called = [];

for (const type of ['state', 'entry', 'problem', 'tool']) {
  document.addEventListener(`antiphon-${type}`, ({ target, detail }) => {
    globalThis.told.push({ type, id: target.id, detail: JSON.parse(JSON.stringify(detail)) });
  });
}

globalThis.weather = {
  name: 'get_weather',
  description: 'Get the weather in a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', description: 'name of the city' } },
    required: ['city'],
  },
  execute: (asked) => {
    globalThis.called.push(asked);
    return { city: asked.city, temperature: '19 degrees' };
  },
};
