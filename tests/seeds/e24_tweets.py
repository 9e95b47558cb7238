import numpy as np
data_a, data_b = np.random.randint(2, size=(16, 280, 256)), np.random.randint(2, size=(16, 280, 256))
labels = np.random.randint(2, size=(16, 1))

import keras
from keras.layers import Input, LSTM, Dense
from keras.models import Model
tweet_a = Input(shape=(280, 256))
tweet_b = Input(shape=(280, 256))

# The layer takes an input as a matrix and will return a vector of size 64
shared_lstm = LSTM(64)
# When we reuse the same layer instance multiple times, the weights of the layer will also be reused (it is effectively *the same* layer)
encoded_a = shared_lstm(tweet_a)
encoded_b = shared_lstm(tweet_b)
# Next we will concatenate the two vectors:
merged_vector = keras.layers.concatenate([encoded_a, encoded_b], axis=-1)
# And then we will add logistic regression on top
predictions = Dense(1, activation='sigmoid')(merged_vector)
# After that we will define a trainable model by linking the tweet inputs to the predictions
model = Model(inputs=[tweet_a, tweet_b], outputs=predictions)
model.compile(optimizer='rmsprop',
              loss='binary_crossentropy',
              metrics=['accuracy'])
model.fit([data_a, data_b], labels, epochs=10)
